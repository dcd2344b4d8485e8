//! Services that put a small file in the place of an online-only file or directory.

use super::Scene;
use crate::play::member::all_read;
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "placeholders",
    source: "docs.odrive.com/docs/sync-your-odrive and /docs/sync-changes; Nextcloud under the names of its resellers",
    about: "Ben's directory, or one of his messages, is replaced by a placeholder of some service.",
    right: "the doctor calls it online only and never sends it away; nothing is published in its place; fetched, it \
            is read",
    needs: &[],
    wants: &[],
    play: placeholders,
}];

struct Row {
    /// The name of the placeholder; `N` is the name of the file or directory it stands for.
    name: &'static str,
    content: &'static [u8],
    /// Whether it stands for a whole directory.
    is_directory: bool,
}

const ROWS: &[Row] = &[
    Row { name: "N.cloudf", content: b"", is_directory: true },
    Row { name: ".N.icloud", content: b"", is_directory: true },
    Row { name: "N.cloud", content: b"", is_directory: false },
    Row { name: "N.magentacloud", content: b" ", is_directory: false },
    Row { name: "N.nextcloud", content: b" ", is_directory: false },
    Row { name: "N.owncloud", content: b" ", is_directory: false },
    Row { name: ".N.icloud", content: b"bplist00\xd1\x01\x02", is_directory: false },
];

fn placeholders(stage: &Stage) -> Outcome {
    stage.each(
        ROWS,
        |row| format!("{} of a {}", row.name, if row.is_directory { "directory" } else { "message" }),
        |row, stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.introduce("one")?;
            ben.introduce("two")?;
            ben.send(&["three"])?;
            let author = ben.author()?;
            let original =
                if row.is_directory { ben.folder.join(&author) } else { tree::message(&ben.folder, &author, 3) };
            let name = original.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let placeholder = original.with_file_name(row.name.replace('N', &name));
            let online = stage.at("online");
            tree::rename(&original, &online)?;
            tree::write(&placeholder, row.content)?;

            let checkup = cleo.doctor()?;
            checkup.must("online-only")?;
            for harmful in ["Move it out", "Move them out"] {
                check(!checkup.text().contains(harmful), || format!("{harmful}:{}", checkup.text()))?;
            }
            let said = cleo.log()?.said;
            check(said.contains("unread"), || format!("the log does not say that something is left out: `{said}`"))?;
            if !row.is_directory {
                ben.open()?;
                check(!original.exists(), || "Ben publishes the message over its placeholder".to_owned())?;
            }
            check(tree::read(&placeholder)? == row.content, || "the placeholder has changed".to_owned())?;

            tree::remove(&placeholder)?;
            tree::rename(&online, &original)?;
            all_read(&[&ana, &ben, &cleo], &["one", "two", "three"])?;
            cleo.is_well()
        },
    )
}
