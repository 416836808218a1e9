//! Leaving functions out of the program for the browser that are reachable, but never called.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use walrus::ir::{Visitor, dfs_in_order};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module};

/// Functions of fewer instructions are kept. Of functions that do the same the compiler keeps one, under the name of any of them; of
/// small ones that is likely to be one that is called, through a table, where that can't be seen here.
const SMALL: u64 = 100;

/// Empties the functions with this in their paths, so that wasm-opt finds nothing that needs what only they need. One that is called
/// nevertheless stops the program, which the browser's tests would see.
pub(crate) fn leave_out(program: &mut Module, name: &str) -> Result<()> {
    let mut found = BTreeMap::new();
    for (id, function) in program.funcs.iter_local() {
        let called = program.funcs.get(id).name.as_deref();
        if called.is_some_and(|called| path(called).contains(name)) && function.size() >= SMALL {
            found.insert(id, function.ty());
        }
    }
    keep_needed(program, &mut found);
    if found.is_empty() {
        bail!(
            "the program has no function with {name} in its path any more: look what is called instead, or leave this step out"
        );
    }
    for (id, signature) in found {
        let signature = program.types.get(signature);
        let (takes, gives) = (signature.params().to_vec(), signature.results().to_vec());
        let mut empty = FunctionBuilder::new(&mut program.types, &takes, &gives);
        empty.func_body().unreachable();
        let takes = takes.into_iter().map(|kind| program.locals.add(kind));
        let empty = empty.local_func(takes.collect());
        program.funcs.get_mut(id).kind = FunctionKind::Local(empty);
    }
    Ok(())
}

/// The compiler keeps one of several functions that have the same instructions, under the name of any of them. So one that anything
/// else calls is needed, whatever its name, and so is what it calls.
fn keep_needed<T>(program: &Module, found: &mut BTreeMap<FunctionId, T>) {
    let mut needed: Vec<&LocalFunction> = program
        .funcs
        .iter_local()
        .filter(|(id, _)| !found.contains_key(id))
        .map(|(_, function)| function)
        .collect();
    while let Some(function) = needed.pop() {
        let mut calls = Calls(Vec::new());
        dfs_in_order(&mut calls, function, function.entry_block());
        for callee in calls.0 {
            if found.remove(&callee).is_some()
                && let FunctionKind::Local(callee) = &program.funcs.get(callee).kind
            {
                needed.push(callee);
            }
        }
    }
}

/// What a function calls by name.
struct Calls(Vec<FunctionId>);

impl Visitor<'_> for Calls {
    fn visit_function_id(&mut self, id: &FunctionId) {
        self.0.push(*id);
    }
}

/// A function's name without the types in it: what frees a future of a function is not that function, and may free others, too.
fn path(name: &str) -> String {
    let (mut depth, mut before) = (0_u32, ' ');
    let mut path = String::new();
    for letter in name.chars() {
        match letter {
            '<' => depth += 1,
            '>' if before == '-' => {}
            '>' => depth = depth.saturating_sub(1),
            letter if depth == 0 => path.push(letter),
            _ => {}
        }
        before = letter;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_no_types() {
        let table = [
            (
                "<a::View<T> as b::Render>::hydrate_async::{{closure}}",
                "::hydrate_async::{{closure}}",
            ),
            (
                "core::ptr::drop_in_place<<fn(u8) -> a::View<T> as b::Render>::hydrate_async::{{closure}}>",
                "core::ptr::drop_in_place",
            ),
            ("a::hydrate_async<b::C>", "a::hydrate_async"),
        ];
        for (name, without) in table {
            assert_eq!(path(name), without);
        }
    }
}
