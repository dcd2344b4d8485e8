//! The archives that the registry would get, and builds from nothing else.

use std::path::PathBuf;

use fs_err as fs;

use super::manifests::Package;
use crate::call::Call;
use crate::failure::Failure;
use crate::workspace;

/// The unpacked archives, as members of an otherwise empty workspace.
#[derive(Debug)]
pub(super) struct Archives {
    dir: PathBuf,
    /// The names of the packages and of their directories.
    members: Vec<(String, String)>,
}

/// The texts that the licenses want to be in each copy.
const TEXTS: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Packs the packages and unpacks each archive.
pub(super) fn pack(packages: &[Package], allow_dirty: bool) -> Result<Archives, Failure> {
    let target = workspace::root().join("target");
    let dir = target.join("release-check");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    let mut call = Call::cargo(&["package", "--locked", "--no-verify", "--quiet"]);
    for package in packages {
        call = call.arguments(&["--package", &package.name]);
    }
    let call = if allow_dirty { call.argument("--allow-dirty") } else { call };
    call.environment("CARGO_TARGET_DIR", target.to_string_lossy()).run()?;
    let mut members = Vec::new();
    for Package { name, version, .. } in packages {
        let unpacked = format!("{name}-{version}");
        let archive = target.join(format!("package/{unpacked}.crate"));
        Call::program("tar", &["-xzf", &archive.to_string_lossy(), "-C", &dir.to_string_lossy()]).run()?;
        members.push((name.clone(), unpacked));
    }
    let archives = Archives { dir, members };
    archives.make_workspace()?;
    Ok(archives)
}

impl Archives {
    /// Writes a workspace in which the packages depend on each other's archives, as they will in the registry.
    fn make_workspace(&self) -> Result<(), Failure> {
        let members: Vec<String> = self.members.iter().map(|(_, dir)| format!("{dir:?}")).collect();
        let patches = self.members.iter().map(|(name, dir)| format!("{name} = {{ path = {dir:?} }}\n"));
        let manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{}",
            members.join(", "),
            patches.collect::<String>()
        );
        fs::write(self.dir.join("Cargo.toml"), manifest)?;
        // The same versions of everything else.
        fs::copy(workspace::root().join("Cargo.lock"), self.dir.join("Cargo.lock"))?;
        Ok(())
    }

    /// Returns the directory of a package.
    pub(super) fn unpacked(&self, package: &str) -> PathBuf {
        let member = self.members.iter().find(|(name, _)| name == package);
        member.map_or_else(|| self.dir.clone(), |(_, dir)| self.dir.join(dir))
    }

    /// Returns what is missing in the archives.
    pub(super) fn findings(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, dir) in &self.members {
            let lacks = TEXTS.iter().filter(|text| !self.dir.join(dir).join(text).is_file());
            found.extend(lacks.map(|text| format!("the archive of {name} has no {text}")));
        }
        found
    }

    /// Builds each package alone with its examples and all features, and runs the examples in its documentation.
    pub(super) fn build(&self) -> Result<(), Failure> {
        for (name, _) in &self.members {
            self.cargo(Call::cargo(&["build", "--lib", "--examples", "--all-features", "--package", name])).run()?;
            self.cargo(Call::cargo(&["test", "--doc", "--quiet", "--all-features", "--package", name])).run()?;
        }
        Ok(())
    }

    /// Checks the libraries and programs with another compiler, which is installed if it is missing.
    pub(super) fn build_with(&self, version: &str) -> Result<(), Failure> {
        Call::program("rustup", &["toolchain", "install", version, "--profile", "minimal", "--no-self-update"])
            .run()?;
        let toolchain = format!("+{version}");
        let call = Call::program("cargo", &[&toolchain, "check", "--workspace", "--all-features"]);
        // The variable would choose the compiler that runs us.
        self.cargo(call).environment("RUSTUP_TOOLCHAIN", version).run()
    }

    fn cargo(&self, call: Call) -> Call {
        let manifest = self.dir.join("Cargo.toml");
        call.arguments(&["--manifest-path", &manifest.to_string_lossy()])
            .environment("CARGO_TARGET_DIR", workspace::root().join("target/release-check/target").to_string_lossy())
            .environment("CARGO_PROFILE_DEV_DEBUG", "0")
    }
}
