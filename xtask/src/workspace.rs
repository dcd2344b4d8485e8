//! The location of the workspace.

use std::env;
use std::path::{Path, PathBuf};

/// Returns the directory that holds the workspace's `Cargo.toml`.
///
/// `cargo run` tells at run time where this crate is. A binary started by hand falls back to where it was
/// built, which is correct until the checkout moves.
pub(crate) fn root() -> PathBuf {
    let this_crate =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    parent_of(&this_crate)
}

/// Returns the directory of installed third-party tools, with their programs in `bin`.
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// The workspace's root is the parent of every member's directory.
fn parent_of(member: &Path) -> PathBuf {
    member.parent().map_or_else(|| member.to_owned(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_this_crate_and_the_workspace_manifest() {
        let root = root();
        assert!(root.join("xtask/Cargo.toml").is_file(), "{}", root.display());
        let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"), "{manifest}");
    }
}
