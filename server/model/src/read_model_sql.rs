//! Cuts a definition into statements and directives, without understanding more of SQL than that needs: comments, strings, quoted
//! names, dollar quotes, parentheses and semicolons.

use crate::read_model_definition::{DEFINITION_BYTES, DefinitionError};

/// What stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or a plain name.
    Word,
    /// A string, a quoted name, a number, an operator.
    Other,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `-- highwater: …` at the start of a line.
    Directive,
}

/// A piece of the text; comments are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// How a directive begins.
const DIRECTIVE: &str = "highwater:";

/// What a directive says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    /// Its name; empty when it has none.
    pub(crate) word: &'a str,
    /// Where that stands.
    pub(crate) at: usize,
    /// What stands behind it, without a remark; a description may hold anything.
    pub(crate) value: &'a str,
    /// Where that stands.
    pub(crate) value_at: usize,
}

/// Reads a token that is a directive.
pub(crate) fn directive(text: &str, token: Token) -> Directive<'_> {
    let line = &text[token.start..token.end];
    let colon = token.start + line.find(':').map_or(0, |at| at + 1);
    let body = &text[colon..token.end];
    let at = colon + (body.len() - body.trim_start().len());
    let word = body.split_whitespace().next().unwrap_or_default();
    let after = at + word.len();
    let rest = &text[after..token.end];
    let rest = if word == "describe" {
        rest
    } else {
        rest.split("--").next().unwrap_or_default()
    };
    Directive {
        word,
        at,
        value: rest.trim(),
        value_at: after + (rest.len() - rest.trim_start().len()),
    }
}

/// The tokens of a definition that is no longer than one may be.
pub(crate) fn checked_tokens(text: &str) -> Result<Vec<Token>, DefinitionError> {
    if text.len() > DEFINITION_BYTES {
        let message = format!("a definition has up to {} KiB", DEFINITION_BYTES >> 10);
        return Err(DefinitionError::at(text, 0, message));
    }
    if let Some(nul) = text.find('\0') {
        let message = "no SQL holds a NUL character";
        return Err(DefinitionError::at(text, nul, message));
    }
    tokens(text)
}

/// The tokens of a text.
fn tokens(text: &str) -> Result<Vec<Token>, DefinitionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let start = at;
        let kind = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            let comment = text[start + 2..at].trim_start();
            let opens_line = text[..start]
                .rsplit('\n')
                .next()
                .is_none_or(|line| line.trim().is_empty());
            if !(opens_line && comment.starts_with(DIRECTIVE)) {
                continue;
            }
            TokenKind::Directive
        } else if rest.starts_with("/*") {
            at += block_comment(rest).ok_or_else(|| unclosed(text, start, "a comment", "*/"))?;
            continue;
        } else if c == '\'' {
            let backslashes = text[..start].ends_with(['e', 'E']) && is_prefix(&tokens, start);
            at += quoted(rest, '\'', backslashes)
                .ok_or_else(|| unclosed(text, start, "a string", "'"))?;
            TokenKind::Other
        } else if c == '"' {
            at += quoted(rest, '"', false)
                .ok_or_else(|| unclosed(text, start, "a quoted name", "\""))?;
            TokenKind::Other
        } else if let Some(tag) = dollar_tag(rest) {
            let body = rest[tag.len()..]
                .find(tag)
                .ok_or_else(|| unclosed(text, start, "a dollar-quoted string", tag))?;
            at += tag.len() * 2 + body;
            TokenKind::Other
        } else if c.is_alphabetic() || c == '_' {
            at += rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                .unwrap_or(rest.len());
            TokenKind::Word
        } else {
            at += c.len_utf8();
            match c {
                '(' => TokenKind::Open,
                ')' => TokenKind::Close,
                ',' => TokenKind::Comma,
                ';' => TokenKind::Semicolon,
                _ => TokenKind::Other,
            }
        };
        tokens.push(Token {
            kind,
            start,
            end: at,
        });
    }
    Ok(tokens)
}

/// The word right before a string: `e'…'`.
fn is_prefix(tokens: &[Token], string: usize) -> bool {
    tokens.last().is_some_and(|token| {
        token.kind == TokenKind::Word && token.end == string && token.end - token.start == 1
    })
}

fn unclosed(text: &str, start: usize, what: &str, end: &str) -> DefinitionError {
    DefinitionError::at(text, start, format!("{what} begins here and never ends")).expecting(&[end])
}

/// Length of a comment; they nest.
fn block_comment(text: &str) -> Option<usize> {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let next = text[at..].find(['/', '*'])? + at;
        if text[next..].starts_with("/*") {
            depth += 1;
            at = next + 2;
        } else if text[next..].starts_with("*/") {
            depth -= 1;
            at = next + 2;
        } else {
            at = next + 1;
        }
    }
    Some(at)
}

/// Length of a quoted text; the quote twice stands for itself.
fn quoted(text: &str, quote: char, backslashes: bool) -> Option<usize> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if backslashes && c == '\\' {
            characters.next();
        } else if c == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return Some(at + 1);
            }
        }
    }
    None
}

/// `$$` or `$tag$`.
fn dollar_tag(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('$')?;
    let end = inside.find('$')?;
    let name = &inside[..end];
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    plain.then(|| &text[..end + 2])
}

/// The word that says what a statement does, behind its `with`.
pub(crate) fn verb(text: &str, tokens: &[Token]) -> Option<Token> {
    let is = |at: usize, word: &str| {
        tokens
            .get(at)
            .is_some_and(|token| text[token.start..token.end].eq_ignore_ascii_case(word))
    };
    // `(select …)`: what it does stands inside.
    let mut at = tokens
        .iter()
        .position(|token| token.kind != TokenKind::Open)?;
    if !is(at, "with") {
        return tokens.get(at).copied();
    }
    at += 1;
    if is(at, "recursive") {
        at += 1;
    }
    loop {
        // name [(columns)] as [[not] materialized] (query) [search …] [cycle …]
        at += 1;
        if tokens.get(at)?.kind == TokenKind::Open {
            at = behind_group(tokens, at)?;
        }
        while tokens.get(at)?.kind == TokenKind::Word {
            at += 1;
        }
        at = behind_group(tokens, at)?;
        if is(at, "search") || is(at, "cycle") {
            // Up to the comma or the verb; neither clause holds parentheses.
            at += tokens[at..].iter().position(|token| {
                token.kind == TokenKind::Comma
                    || ["select", "insert", "update", "delete", "merge"]
                        .iter()
                        .any(|verb| text[token.start..token.end].eq_ignore_ascii_case(verb))
            })?;
        }
        if tokens.get(at)?.kind != TokenKind::Comma {
            return tokens.get(at).copied();
        }
        at += 1;
    }
}

/// The token behind a group in parentheses.
fn behind_group(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Whether a word stands outside all parentheses.
pub(crate) fn has_outside(text: &str, tokens: &[Token], word: &str) -> bool {
    let mut depth = 0_i32;
    tokens.iter().any(|token| {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth -= 1,
            _ => {}
        }
        depth == 0
            && token.kind == TokenKind::Word
            && text[token.start..token.end].eq_ignore_ascii_case(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb_of(text: &str) -> &str {
        let tokens = tokens(text).unwrap();
        verb(text, &tokens).map_or("", |token| &text[token.start..token.end])
    }

    #[test]
    fn semicolons_in_strings_and_comments_end_nothing() {
        let text = "select ';', E'\\';', \";\", $a$;$$;$a$ -- ;\n/* ; /* ; */ ; */ from t";
        let tokens = tokens(text).unwrap();
        assert!(
            tokens
                .iter()
                .all(|token| token.kind != TokenKind::Semicolon)
        );
    }

    #[test]
    fn what_a_statement_does_stands_behind_its_with() {
        assert_eq!(verb_of("insert into t select 1"), "insert");
        assert_eq!(verb_of("((select 1))"), "select");
        assert_eq!(
            verb_of(
                "with update as (select 1), b (x, y) as not materialized (select (2)) delete from t"
            ),
            "delete"
        );
        assert_eq!(
            verb_of("with recursive a(n) as (select 1) search depth first by n set o merge into t"),
            "merge"
        );
    }

    #[test]
    fn what_is_not_closed_is_told_where_it_begins() {
        let error = tokens("select 1;\n  'abc").unwrap_err();
        assert_eq!((error.line, error.column), (2, 3));
        assert_eq!(error.expected, ["'"]);
    }
}
