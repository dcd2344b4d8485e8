//! The standard library for a target, built from the source that comes with the compiler.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::Builder;

use super::{CARGO, Target, clean, step};
use crate::call::Call;
use crate::failure::Failure;

/// The crates that programs, tests and procedural macros link to.
const CRATES: &str = "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test";

/// Returns a directory to pass as `--sysroot`. Builds the library unless this compiler has built it before.
pub(super) fn build(target: Target, version: &str, home: &Path) -> Result<PathBuf, Failure> {
    let sysroot = home.join(directory_name(version));
    let place = sysroot.join("lib/rustlib").join(target.triple());
    if !place.join("lib").is_dir() {
        step(&format!("the standard library for {} (about a minute)", target.triple()), || {
            let scratch = Builder::new().prefix("library-").tempdir_in(home)?;
            compile(target, scratch.path())?;
            let built = scratch.path().join("target").join(target.triple()).join("release/deps");
            let made = scratch.path().join("made");
            collect(&built, &made.join("lib"))?;
            // Renamed when complete: an interrupted build leaves nothing behind.
            fs::create_dir_all(sysroot.join("lib/rustlib"))?;
            Ok(fs::rename(made, &place)?)
        })?;
    }
    Ok(sysroot)
}

/// Names the directory after the compiler, which reads its own libraries only.
fn directory_name(version: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' };
    version.trim().chars().map(plain).collect()
}

/// Builds a crate that contains nothing, and with it the standard library.
fn compile(target: Target, scratch: &Path) -> Result<(), Failure> {
    let manifest = scratch.join("Cargo.toml");
    fs::create_dir_all(scratch.join("src"))?;
    fs::write(scratch.join("src/lib.rs"), "")?;
    fs::write(&manifest, "[package]\nname = \"nothing\"\nedition = \"2024\"\n")?;
    clean(Call::program(CARGO, &["build", "--quiet", "--release", CRATES, "--target", target.triple()]))
        .arguments(&["--manifest-path", &manifest.to_string_lossy()])
        .environment("CARGO_TARGET_DIR", scratch.join("target").to_string_lossy())
        // `-Zbuild-std` is unstable.
        .environment("RUSTC_BOOTSTRAP", "1")
        .run()
}

fn collect(built: &Path, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(built)? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|name| is_library(name)) else { continue };
        fs::copy(&path, into.join(name))?;
    }
    Ok(())
}

fn is_library(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.ends_with(".rlib") && !name.starts_with("libnothing-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_compiler_has_another_directory() {
        let name = directory_name("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\n");
        assert_eq!(name, "rustc_1.96.0__ac68faa20_2026-05-25___built_from_a_source_tarball_");
    }

    #[test]
    fn only_the_standard_library_is_collected() {
        assert!(is_library(OsStr::new("libstd-0123.rlib")));
        assert!(!is_library(OsStr::new("libnothing-0123.rlib")));
        assert!(!is_library(OsStr::new("libstd-0123.rmeta")));
    }
}
