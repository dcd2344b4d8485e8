//! Building for other systems with Debian's compiler.
//!
//! A toolchain of rustup contains the standard library of one system, unless more are downloaded. Debian packages the
//! library's source with its compiler. This module builds the library for another system and keeps it in a cache of its
//! own, so the files of both compilers stay as they are.

mod library;
mod packages;
mod stand_in;

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;

use crate::call::Call;
use crate::failure::Failure;
use crate::workspace;

/// A system to build for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Windows,
    MacOs,
}

impl Target {
    /// Returns the compiler's name for the system.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::Windows => "x86_64-pc-windows-gnu",
            Self::MacOs => "aarch64-apple-darwin",
        }
    }
}

/// A compiler that is ready to build for a target.
#[derive(Debug)]
pub(crate) struct Cross {
    target: Target,
    sysroot: PathBuf,
    target_dir: PathBuf,
    stand_in: PathBuf,
}

const CARGO: &str = "/usr/bin/cargo";
const CLIPPY: &str = "/usr/bin/cargo-clippy";
const RUSTC: &str = "/usr/bin/rustc";
/// The compiler, the source of its standard library, and its linter.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"];

/// `cargo xtask macos`: checks every crate for macOS. Nothing can be linked or run here.
///
/// # Errors
///
/// `Skipped` where the compiler cannot be set up, `Failed` when it finds something.
pub(crate) fn macos() -> Result<(), Failure> {
    Cross::set_up(Target::MacOs, &[])?.lint()?;
    println!("macos: every crate was checked; no C code was compiled, nothing was linked and no test was run");
    Ok(())
}

/// Dependencies take most of the time of a build, so only those that tests spend their time in are optimized.
const UNOPTIMIZED: &str = "profile.dev.package.\"*\".opt-level=0";
const OPTIMIZED_HASH: &str = "profile.dev.package.blake3.opt-level=2";
const OPTIMIZED_KEYS: &str = "profile.dev.package.curve25519-dalek.opt-level=2";
const OPTIMIZED_STORE: &str = "profile.dev.package.redb.opt-level=2";

impl Cross {
    /// Sets up the missing parts for a target; takes no time when nothing is missing. Some commands need
    /// other packages as well.
    ///
    /// # Errors
    ///
    /// `Skipped` when a package is missing and cannot be installed.
    pub(crate) fn set_up(target: Target, more_packages: &[&'static str]) -> Result<Self, Failure> {
        let home = home()?;
        let _lock = lock(&home)?;
        let version = packages::install(&[PACKAGES, more_packages].concat(), &home)?;
        let sysroot = library::build(target, &version, &home)?;
        let target_dir = target_dir()?;
        let stand_in = home.join("stand-in");
        stand_in::write(&stand_in)?;
        Ok(Self { target, sysroot, target_dir, stand_in })
    }

    /// Returns a call of the compiler's cargo for the target.
    pub(crate) fn cargo(&self, command: &str) -> Call {
        self.for_target(Call::program(CARGO, &[command]))
    }

    /// Checks every target of every crate with the compiler's linter; a warning is an error.
    pub(crate) fn lint(&self) -> Result<(), Failure> {
        let words = ["clippy", "--workspace", "--all-targets", "--all-features", "--keep-going"];
        let call = self.for_target(Call::program(CLIPPY, &words)).arguments(&["--", "-D", "warnings"]);
        let call = match self.target {
            // A false positive: `thread_local!` expands differently there, and the linter overlooks a `const`
            // block.
            Target::Windows => call.arguments(&["-A", "clippy::missing_const_for_thread_local"]),
            Target::MacOs => call,
        };
        call.run()
    }

    fn for_target(&self, call: Call) -> Call {
        let triple = self.target.triple();
        let flags = serde_json::json!(["--sysroot", self.sysroot.to_string_lossy()]);
        let call = clean(call)
            .arguments(&["--target", triple, "--config", &format!("target.{triple}.rustflags={flags}")])
            .arguments(&["--config", UNOPTIMIZED, "--config", OPTIMIZED_HASH])
            .arguments(&["--config", OPTIMIZED_KEYS, "--config", OPTIMIZED_STORE])
            .environment("CARGO_PROFILE_DEV_DEBUG", "0")
            .environment("CARGO_TARGET_DIR", self.target_dir.to_string_lossy());
        match self.target {
            Target::Windows => call,
            Target::MacOs => stand_in::use_in(call, &self.stand_in),
        }
    }
}

/// Chooses Debian's compiler, and removes the variables that choose another.
fn clean(call: Call) -> Call {
    let leads_away = [
        "CARGO_ENCODED_RUSTFLAGS",
        "LD_LIBRARY_PATH",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
    ];
    let call = leads_away.into_iter().fold(call, Call::without);
    // Incremental files cost space and help no second run.
    call.environment("CARGO", CARGO).environment("RUSTC", RUSTC).environment("CARGO_INCREMENTAL", "0")
}

/// Returns the cache directory of this user. It outlives a checkout, because its contents take minutes to make.
pub(crate) fn home() -> Result<PathBuf, Failure> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let home = cache.ok_or_else(|| skipped("neither XDG_CACHE_HOME nor HOME is set"))?.join("tempo-xtask");
    fs::create_dir_all(&home)?;
    Ok(home)
}

/// Waits until no other run is setting up. The lock ends when the file is dropped.
pub(crate) fn lock(home: &Path) -> Result<File, Failure> {
    let path = home.join("lock");
    let file = File::create(&path)?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another run that is setting up: {}", path.display());
        file.lock()?;
    }
    Ok(file)
}

/// Runs a step of the setup and prints how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    eprintln!("setting up: {name}");
    let start = Instant::now();
    let done = work()?;
    eprintln!("set up in {:.1} s: {name}", start.elapsed().as_secs_f64());
    Ok(done)
}

/// Returns a build directory apart from the usual one, which belongs to another compiler. Both systems share
/// it, so that build scripts and procedural macros are built once.
fn target_dir() -> Result<PathBuf, Failure> {
    let set = env::var_os("CARGO_TARGET_DIR");
    let target = workspace::root().join(set.as_deref().unwrap_or(OsStr::new("target")));
    let dir = target.join("cross");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Returns the failure of a command that cannot run on this machine.
pub(crate) fn skipped(why: impl Into<String>) -> Failure {
    Failure::Skipped { why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cross(target: Target) -> Cross {
        Cross { target, sysroot: "/c/sysroot".into(), target_dir: "/w/target/cross".into(), stand_in: "/c/in".into() }
    }

    #[test]
    fn the_line_names_the_other_compiler_and_its_library() {
        let line = cross(Target::Windows).cargo("test").argument("--no-run").line();
        let start = "CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc CARGO_INCREMENTAL=0";
        let library = "--config 'target.x86_64-pc-windows-gnu.rustflags=[\"--sysroot\",\"/c/sysroot\"]'";
        assert!(line.starts_with(start), "{line}");
        assert!(
            line.contains(" /usr/bin/cargo test --target x86_64-pc-windows-gnu ") && line.contains(library),
            "{line}"
        );
        assert!(line.ends_with("--no-run"), "{line}");
    }

    #[test]
    fn only_a_target_that_is_never_linked_gets_the_stand_in_compiler() {
        let line = |target| cross(target).cargo("check").line();
        assert!(line(Target::MacOs).contains("CC_aarch64_apple_darwin=/c/in/cc"));
        assert!(!line(Target::Windows).contains("/c/in"));
    }
}
