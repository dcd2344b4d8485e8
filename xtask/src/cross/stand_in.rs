//! A C compiler that compiles nothing, for a target that is only checked.
//!
//! Build scripts of dependencies compile C. A check of Rust code never reads their object files.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fs_err as fs;

use crate::call::Call;
use crate::failure::Failure;

/// Writes an empty file for each requested output.
const CC: &str = "#!/bin/sh
# Stands in for a C compiler: each output is an empty file.
for word; do
    case $previous in -o) : >\"$word\" ;; esac
    case $word in -o?*) : >\"${word#-o}\" ;; esac
    previous=$word
done
";

/// Writes an empty library.
const AR: &str = "#!/bin/sh
# Stands in for an archiver: the library is an empty file.
for word; do
    case $word in *.a) : >\"$word\" ;; esac
done
";

/// Writes the stand-ins into a directory. Leaves an unchanged one alone, since another run may be using it.
pub(super) fn write(dir: &Path) -> Result<(), Failure> {
    for (name, text) in [("cc", CC), ("ar", AR)] {
        let path = dir.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        fs::create_dir_all(dir)?;
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Passes the stand-ins to the build scripts of a call. The directory also stands in for the system's headers.
pub(super) fn use_in(call: Call, dir: &Path) -> Call {
    call.environment("CC_aarch64_apple_darwin", dir.join("cc").to_string_lossy())
        .environment("AR_aarch64_apple_darwin", dir.join("ar").to_string_lossy())
        .environment("SDKROOT", dir.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn outputs_are_there_and_empty() {
        let dir = tempfile::tempdir().unwrap();
        let stand_ins = dir.path().join("in");
        write(&stand_ins).unwrap();
        let run = |name: &str, words: &[&str]| {
            let status = Command::new(stand_ins.join(name)).args(words).current_dir(dir.path()).status().unwrap();
            assert!(status.success(), "{name} {words:?}");
        };
        run("cc", &["-c", "a.c", "-o", "a.o"]);
        run("cc", &["-ob.o", "b.c"]);
        run("ar", &["cq", "libc.a", "a.o", "b.o"]);
        for name in ["a.o", "b.o", "libc.a"] {
            assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"", "{name}");
        }
        assert!(!dir.path().join("a.c").exists());
    }
}
