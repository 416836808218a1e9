//! The console's files in `target/site`: WebAssembly and its JavaScript, style, fonts; named by content, compressed beside.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::Digest;

use crate::leave_out::leave_out;
use crate::step;

/// Leptos makes this of every view, for pages whose parts are loaded one by one (`hydrate_lazy`): a sixth of the program, and all
/// reachable as the views carry it with them. The console is one program (`hydrate_body`) and never calls it.
const NEVER_CALLED: &str = "hydrate_async";

/// wasm-opt before this one exits with success and leaves a program that no browser starts.
const OLDEST_WASM_OPT: u32 = 130;

pub(crate) fn build(release: bool) -> Result<()> {
    step::say("building the console for the browser");
    let mut cargo = step::command("cargo");
    cargo.args([
        "build",
        "-p",
        "highwater-app",
        "--lib",
        "--target",
        "wasm32-unknown-unknown",
    ]);
    cargo.args([
        "--no-default-features",
        "--features",
        "hydrate",
        "--profile",
        "wasm-release",
    ]);
    step::run(&mut cargo)?;

    let program = step::target().join("wasm32-unknown-unknown/wasm-release/highwater_app.wasm");
    // The server embeds this folder, wherever Cargo's own target folder is.
    let site = Path::new("target/site");
    let stamp = fingerprint(&program, release)?;
    let stamp_file = Path::new("target/site.stamp");
    if site.join("site.json").exists()
        && fs::read_to_string(stamp_file).is_ok_and(|last| last == stamp)
    {
        step::say("the console's files are up to date");
        return Ok(());
    }
    let fresh = PathBuf::from("target/site.new");
    let _ = fs::remove_dir_all(&fresh);
    let package = fresh.join("pkg");
    fs::create_dir_all(&package)?;
    bind(&program, &package)?;
    if release {
        optimise(&package.join("highwater_bg.wasm"))?;
    }
    let wasm = fs::read(package.join("highwater_bg.wasm"))?;
    let script = fs::read_to_string(package.join("highwater.js"))?;
    // One name for both: Leptos asks for NAME.js and NAME.wasm.
    let stem = format!("highwater.{}", hash(&[&wasm, script.as_bytes()]));
    fs::remove_dir_all(&package)?;
    fs::create_dir_all(&package)?;
    let script = script.replace("highwater_bg.wasm", &format!("{stem}.wasm"));
    fs::write(package.join(format!("{stem}.wasm")), wasm)?;
    fs::write(package.join(format!("{stem}.js")), script)?;
    let style = inline(Path::new("style/main.css"))?;
    let style_name = format!("highwater.{}.css", hash(&[style.as_bytes()]));
    fs::write(package.join(&style_name), style)?;
    copy(Path::new("public"), &fresh)?;
    step::say("compressing the console's files");
    compress(&fresh, release)?;
    let facts = serde_json::json!({ "js": stem, "css": format!("/pkg/{style_name}") });
    fs::write(fresh.join("site.json"), serde_json::to_vec_pretty(&facts)?)?;
    let _ = fs::remove_dir_all(site);
    fs::rename(&fresh, site)?;
    fs::write(stamp_file, stamp)?;
    Ok(())
}

fn bind(program: &Path, into: &Path) -> Result<()> {
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen
        .input_path(program)
        .web(true)?
        .out_name("highwater")
        .typescript(false)
        .omit_default_module_path(false);
    let failed = "wasm-bindgen could not make the JavaScript beside the program";
    let mut output = bindgen.generate_output().context(failed)?;
    leave_out(output.wasm_mut(), NEVER_CALLED)?;
    output.emit(into).context(failed)
}

/// Shrinks the program where a wasm-opt that works is there.
fn optimise(program: &Path) -> Result<()> {
    let tool = Path::new("end2end/node_modules/.bin/wasm-opt");
    let version = step::command(tool).arg("--version").output().ok();
    let version = version
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let number = version
        .split_whitespace()
        .find_map(|word| word.parse::<u32>().ok());
    if number.is_none_or(|number| number < OLDEST_WASM_OPT) {
        step::say(
            "no wasm-opt 130 or newer, so the program stays a fifth larger (npm ci in end2end/ brings one)",
        );
        return Ok(());
    }
    step::say("shrinking the program with wasm-opt");
    let small = program.with_extension("small");
    step::run(
        step::command(tool)
            .arg("-Oz")
            .arg(program)
            .arg("-o")
            .arg(&small),
    )?;
    fs::rename(small, program)?;
    Ok(())
}

/// A style sheet with its `@import "./…";` lines replaced by the files they name.
fn inline(path: &Path) -> Result<String> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let mut whole = String::new();
    for line in text.lines() {
        let import = line
            .trim()
            .strip_prefix("@import")
            .map(|rest| rest.trim().trim_end_matches(';').trim_matches(['"', '\'']));
        if let Some(name) = import {
            let Some(folder) = path.parent() else {
                bail!("{} has no folder", path.display())
            };
            whole.push_str(&inline(&folder.join(name.trim_start_matches("./")))?);
        } else {
            whole.push_str(line);
            whole.push('\n');
        }
    }
    Ok(whole)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("can't read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// `.br` and `.gz` beside everything that gets smaller by it.
fn compress(folder: &Path, release: bool) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            compress(&path, release)?;
            continue;
        }
        let kind = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        if !["js", "wasm", "css", "svg", "json", "txt"].contains(&kind) {
            continue;
        }
        let bytes = fs::read(&path)?;
        let mut brotli = Vec::new();
        let settings = brotli::enc::BrotliEncoderParams {
            quality: if release { 11 } else { 5 },
            ..Default::default()
        };
        brotli::BrotliCompress(&mut bytes.as_slice(), &mut brotli, &settings)?;
        fs::write(beside(&path, "br"), brotli)?;
        let level = if release {
            flate2::Compression::best()
        } else {
            flate2::Compression::fast()
        };
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(&bytes)?;
        fs::write(beside(&path, "gz"), gzip.finish()?)?;
    }
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Ten hexadecimal digits of the content: enough to tell builds apart.
fn hash(parts: &[&[u8]]) -> String {
    let mut digest = sha2::Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest
        .finalize()
        .iter()
        .take(5)
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

/// Changes when anything changes that the site is made of.
fn fingerprint(program: &Path, release: bool) -> Result<String> {
    let wasm = fs::read(program).with_context(|| format!("can't read {}", program.display()))?;
    let mut parts = vec![wasm, inline(Path::new("style/main.css"))?.into_bytes()];
    let mut folders = vec![PathBuf::from("public")];
    while let Some(folder) = folders.pop() {
        let mut paths = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else {
                parts.push(fs::read(path)?);
            }
        }
    }
    let optimiser = release && Path::new("end2end/node_modules/.bin/wasm-opt").exists();
    Ok(format!(
        "{} {release} {optimiser}",
        hash(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    ))
}
