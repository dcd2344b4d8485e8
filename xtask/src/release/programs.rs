//! The command for those who have no compiler: built statically, with a checksum and a list of what is in it.

use std::path::Path;

use fs_err as fs;

use super::manifests::Package;
use crate::call::Call;
use crate::failure::Failure;
use crate::tools;
use crate::workspace;

/// Binds everything statically, so it runs on any Linux of that architecture.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// Builds the command where that can be done. The archive of its package was unpacked here. Returns what is left to do.
pub(super) fn build(packages: &[Package], unpacked: &Path) -> Result<Vec<String>, Failure> {
    let version = packages.first().map(|package| package.version.clone()).unwrap_or_default();
    let has_target = Call::program("rustup", &["target", "add", TARGET]).run();
    let Ok(()) = has_target else { return Ok(vec![format!("build the command for {TARGET}: it cannot be had here")]) };
    let call = Call::cargo(&["build", "--release", "--locked", "--package", "tempo-session", "--features", "cli"]);
    let built = call.arguments(&["--bin", "tempo", "--target", TARGET]).run();
    if let Err(error) = built {
        return Ok(vec![format!("build the command for {TARGET}: {error} (Debian: apt-get install musl-tools)")]);
    }
    let target = workspace::root().join("target");
    let dir = target.join("release-programs");
    fs::create_dir_all(&dir)?;
    let name = format!("tempo-{version}-{TARGET}");
    fs::copy(target.join(TARGET).join("release/tempo"), dir.join(&name))?;
    let sums = Call::program("sha256sum", &[&dir.join(&name).to_string_lossy()]).answer()?;
    let sum = String::from_utf8_lossy(&sums).split_whitespace().next().unwrap_or_default().to_owned();
    fs::write(dir.join("SHA256SUMS"), format!("{sum}  {name}\n"))?;
    tools::bill_of_materials(&unpacked.join("Cargo.toml"))?;
    fs::rename(unpacked.join("tempo-session.cdx.json"), dir.join(format!("tempo-{version}.cdx.json")))?;
    println!("release: the command, its checksum and its bill of materials are in target/release-programs");
    Ok(vec!["build the command for Windows: cargo xtask windows builds and tests it, in a form for tests".to_owned()])
}
