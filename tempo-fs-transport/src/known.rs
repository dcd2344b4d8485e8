//! Names that sync services, systems and programs leave in folders: known, so that nobody worries about them.
//!
//! Copies of messages are not in here. They are recognized by rule, whoever makes them, and their content decides.

use std::ffi::OsStr;

use tempo_message::ForeignReason;

const ANYBODY: &str = "some program";

/// What a temporary file's name begins and ends with, and whose it is.
const TEMPORARY: &[(&str, &str, &str)] = &[
    (".syncthing.", ".tmp", "Syncthing"),
    ("~syncthing~", ".tmp", "Syncthing"),
    (".unison.", ".unison.tmp", "Unison"),
    (".getxfer.", ".mega", "MEGA"),
    ("", ".!Sync", "Resilio Sync"),
    ("", ".!sync", "Resilio Sync"),
    ("", ".SyncPart", "Resilio Sync"),
    ("", ".SyncTemp", "Resilio Sync"),
    ("", ".SyncOld", "Resilio Sync"),
    ("", ".sbak", "Seafile"),
    ("", ".partial", "rclone or OneDrive"),
    ("", ".part", "pCloud or a download"),
    ("", ".filepart", "a download"),
    ("", ".crdownload", "a download"),
    ("", ".download", "a download"),
    (".~", ".tmp", "Proton Drive"),
    ("~$", "", "an office program"),
    (".~lock.", "#", "an office program"),
    ("", ".swp", "an editor"),
    ("", ".swo", "an editor"),
    ("#", "#", "an editor"),
    ("", ".tmp", ANYBODY),
    ("", ".TMP", ANYBODY),
    ("", ".temp", ANYBODY),
    ("", "~", ANYBODY),
];

/// What stands anywhere in the name of a temporary file, after the name of the file that it will be.
const TEMPORARY_INSIDE: &[(&str, &str)] = &[(".~", "Nextcloud or ownCloud"), ("~RF", "OneDrive")];

/// Names of files and directories of a service or a system, and whose they are.
const SYSTEM: &[(&str, &str)] = &[
    (".DS_Store", "macOS"),
    (".localized", "macOS"),
    (".AppleDouble", "macOS"),
    (".Spotlight-V100", "macOS"),
    (".TemporaryItems", "macOS"),
    (".Trashes", "macOS"),
    (".fseventsd", "macOS"),
    (".apdisk", "macOS"),
    ("desktop.ini", "Windows"),
    ("Desktop.ini", "Windows"),
    ("Thumbs.db", "Windows"),
    ("thumbs.db", "Windows"),
    ("ehthumbs.db", "Windows"),
    ("ehThumbs.db", "Windows"),
    ("$RECYCLE.BIN", "Windows"),
    ("System Volume Information", "Windows"),
    (".directory", "a Linux desktop"),
    ("lost+found", "the file system"),
    ("@eaDir", "a NAS"),
    ("rules.dropboxignore", "Dropbox"),
    (".tmp.drivedownload", "Google Drive"),
    (".tmp.driveupload", "Google Drive"),
    (".stignore", "Syncthing"),
    (".stversions", "Syncthing"),
    (".owncloudsync.log", "ownCloud"),
    (".nextcloudsync.log", "Nextcloud"),
    ("seafile-ignore.txt", "Seafile"),
    (".sync", "Resilio Sync"),
    (".debris", "MEGA"),
    (".megaignore", "MEGA"),
    (".pcloud", "pCloud"),
    (".maestral.cache", "Maestral"),
    ("Icon\r", "macOS"),
];

/// What such a name begins and ends with, where it goes on in between.
const SYSTEM_AROUND: &[(&str, &str, &str)] = &[
    ("._", "", "macOS"),
    (".Trash-", "", "a Linux desktop"),
    (".fuse_hidden", "", "the file system"),
    (".nfs", "", "the file system"),
    (".dropbox", "", "Dropbox"),
    (".stfolder", "", "Syncthing"),
    (".sync_", ".db", "Nextcloud or ownCloud"),
    ("._sync_", "", "Nextcloud or ownCloud"),
];

/// What is known of a name that is none of ours.
pub(crate) fn known(name: &OsStr) -> Option<ForeignReason> {
    let system = SYSTEM.iter().find(|(system, _)| name == *system).map(|&(_, by)| by);
    let around = || SYSTEM_AROUND.iter().find(|(before, after, _)| fits(name, before, after, 0)).map(|&(_, _, by)| by);
    system
        .or_else(around)
        .map(|by| ForeignReason::System { by })
        .or_else(|| temporary(name).map(|by| ForeignReason::Temporary { by }))
}

/// Whose temporary file a name belongs to, for people, if it is known as one's.
pub fn temporary(name: &OsStr) -> Option<&'static str> {
    let around = TEMPORARY.iter().find(|(before, after, _)| fits(name, before, after, before.len() + after.len() + 1));
    let around = around.map(|&(_, _, by)| by);
    let text = name.as_encoded_bytes();
    let has = |part: &str| text.windows(part.len()).skip(1).any(|window| window == part.as_bytes());
    let inside = TEMPORARY_INSIDE.iter().find(|(part, _)| has(part)).map(|&(_, by)| by);
    inside.filter(|_| around.is_none_or(|by| by == ANYBODY)).or(around)
}

fn fits(name: &OsStr, before: &str, after: &str, least: usize) -> bool {
    let name = name.as_encoded_bytes();
    name.len() >= least && name.starts_with(before.as_bytes()) && name.ends_with(after.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporaries() {
        for (name, by) in [
            (".syncthing.0000000000000003.tmp", "Syncthing"),
            ("~syncthing~0000000000000003.tmp", "Syncthing"),
            (".unison.0000000000000003.8f3c.unison.tmp", "Unison"),
            (".0000000000000003.~3f1a", "Nextcloud or ownCloud"),
            (".~0000000000000003-Temp-a1b2c3.tmp", "Proton Drive"),
            ("0000000000000003~RF4a1b2c3.TMP", "OneDrive"),
            ("0000000000000003.1a2b3c4d.partial", "rclone or OneDrive"),
            ("0000000000000003~", ANYBODY),
            ("~$notes.docx", "an office program"),
        ] {
            assert_eq!(temporary(OsStr::new(name)), Some(by), "{name}");
        }
        for name in ["0000000000000003", "0000000000000003 (1)", "notes.txt", "head", "~", ".tmp"] {
            assert_eq!(temporary(OsStr::new(name)), None, "{name}");
        }
    }

    #[test]
    fn systems() {
        for (name, by) in [(".DS_Store", "macOS"), ("._0000000000000003", "macOS"), ("desktop.ini", "Windows")] {
            assert_eq!(known(OsStr::new(name)), Some(ForeignReason::System { by }));
        }
        for (name, by) in
            [(".stfolder", "Syncthing"), (".sync_3f1a.db", "Nextcloud or ownCloud"), (".sync", "Resilio Sync")]
        {
            assert_eq!(known(OsStr::new(name)), Some(ForeignReason::System { by }));
        }
        assert_eq!(known(OsStr::new("notes.txt")), None);
    }
}
