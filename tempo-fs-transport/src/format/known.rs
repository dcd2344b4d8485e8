//! Names that sync services, systems and programs leave in folders. They are known, so they are no
//! reason to worry.
//!
//! Conflict copies of messages are not among them. They are recognized by rule, and judged by their
//! content.

use std::ffi::OsStr;

use tempo_message::ForeignReason;

const ANYBODY: &str = "some program";

/// The beginning and the end of a temporary file's name, and its service or program.
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
    ("", ".ffs_tmp", "FreeFileSync"),
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
    ("", ".kate-swp", "an editor"),
    (".#", "", "an editor"),
    ("#", "#", "an editor"),
    ("", ".tmp", ANYBODY),
    ("", ".TMP", ANYBODY),
    ("", ".temp", ANYBODY),
    ("", "~", ANYBODY),
];

/// Marks in the name of a temporary file, after the name of the final file.
const TEMPORARY_INSIDE: &[(&str, &str)] = &[(".~", "Nextcloud or ownCloud"), ("~RF", "OneDrive")];

/// Names of files and directories of a service or a system, in lower case, and their owner. Case
/// does not matter, and services make copies of them as well.
const SYSTEM: &[(&str, &str)] = &[
    (".ds_store", "macOS"),
    (".localized", "macOS"),
    (".appledouble", "macOS"),
    (".spotlight-v100", "macOS"),
    (".documentrevisions-v100", "macOS"),
    (".temporaryitems", "macOS"),
    (".trashes", "macOS"),
    (".fseventsd", "macOS"),
    (".volumeicon.icns", "macOS"),
    (".apdisk", "macOS"),
    (".appledb", "macOS"),
    (".appledesktop", "macOS"),
    (".metadata_never_index", "macOS"),
    ("network trash folder", "macOS"),
    ("temporary items", "macOS"),
    ("__macosx", "macOS"),
    ("icon\r", "macOS"),
    ("desktop.ini", "Windows"),
    ("autorun.inf", "Windows"),
    ("folder.jpg", "Windows"),
    ("thumbs.db", "Windows"),
    ("ehthumbs.db", "Windows"),
    ("ehthumbs_vista.db", "Windows"),
    ("$recycle.bin", "Windows"),
    ("recycler", "Windows"),
    ("system volume information", "Windows"),
    ("found.000", "Windows"),
    ("wpsettings.dat", "Windows"),
    ("indexervolumeguid", "Windows"),
    (".picasa.ini", "Picasa"),
    ("picasa.ini", "Picasa"),
    (".directory", "a Linux desktop"),
    (".thumbnails", "a Linux desktop"),
    (".hidden", "a Linux desktop"),
    (".xdg-volume-info", "a Linux desktop"),
    ("lost+found", "the file system"),
    ("@eadir", "a NAS"),
    ("#recycle", "a NAS"),
    (".@__thumb", "a NAS"),
    ("@recycle", "a NAS"),
    ("@tmp", "a NAS"),
    ("#snapshot", "a NAS"),
    (".streams", "a NAS"),
    (".@upload_cache", "a NAS"),
    ("rules.dropboxignore", "Dropbox"),
    (".tmp.drivedownload", "Google Drive"),
    (".tmp.driveupload", "Google Drive"),
    (".stignore", "Syncthing"),
    (".stversions", "Syncthing"),
    (".owncloudsync.log", "ownCloud"),
    (".csync_journal.db", "ownCloud"),
    (".nextcloudsync.log", "Nextcloud"),
    ("seafile-ignore.txt", "Seafile"),
    (".sync", "Resilio Sync"),
    (".syncid", "Resilio Sync"),
    (".syncignore", "Resilio Sync"),
    (".syncarchive", "Resilio Sync"),
    (".synctrash", "Resilio Sync"),
    ("sync.ffs_db", "FreeFileSync"),
    (".sync.ffs_db", "FreeFileSync"),
    ("sync.ffs_lock", "FreeFileSync"),
    (".mignore", "Maestral"),
    (".debris", "MEGA"),
    (".megaignore", "MEGA"),
    (".pcloud", "pCloud"),
    (".maestral.cache", "Maestral"),
    (".849c9593-d756-4e56-8d6e-42412f2a707b", "OneDrive"),
];

/// The beginning and the end of such names, with anything in between.
const SYSTEM_AROUND: &[(&str, &str, &str)] = &[
    ("._", "", "macOS"),
    ("", "zone.identifier", "Windows"),
    ("albumart", ".jpg", "Windows"),
    (".com.apple.", "", "macOS"),
    (".trash-", "", "a Linux desktop"),
    (".goutputstream-", "", "a Linux desktop"),
    ("", "@synoeastream", "a NAS"),
    ("", "@synoresource", "a NAS"),
    (".fuse_hidden", "", "the file system"),
    (".nfs", "", "the file system"),
    (".dropbox", "", "Dropbox"),
    (".stfolder", "", "Syncthing"),
    (".sync_", ".db", "Nextcloud or ownCloud"),
    ("._sync_", "", "Nextcloud or ownCloud"),
];

/// Returns the reason why a foreign name is known.
pub(crate) fn known(name: &OsStr) -> Option<ForeignReason> {
    let lower = name.to_ascii_lowercase();
    let of = |is: &dyn Fn(&str) -> bool| SYSTEM.iter().find(|(system, _)| is(system)).map(|&(_, by)| by);
    let around =
        || SYSTEM_AROUND.iter().find(|(before, after, _)| fits(&lower, before, after, 0)).map(|&(_, _, by)| by);
    of(&|system| lower == system)
        .or_else(around)
        .or_else(|| of(&|system| is_copy(lower.as_encoded_bytes(), system)))
        .map(|by| ForeignReason::System { by })
        .or_else(|| temporary(name).map(|by| ForeignReason::Temporary { by }))
}

/// Returns whether a name is a service's copy of another one: before the extension, or after it,
/// follows a character that is neither a letter nor a digit.
fn is_copy(name: &[u8], of: &str) -> bool {
    let goes_on = |rest: &[u8]| rest.first().is_some_and(|next| !next.is_ascii_alphanumeric());
    let stem_end = of.rfind('.').filter(|&at| at > 0).unwrap_or(of.len());
    let (stem, extension) = of.split_at(stem_end);
    let inside = || name.strip_prefix(stem.as_bytes())?.strip_suffix(extension.as_bytes());
    name.strip_prefix(of.as_bytes()).is_some_and(goes_on) || inside().is_some_and(goes_on)
}

/// Returns the service or program whose temporary file has such a name, if known.
pub fn temporary(name: &OsStr) -> Option<&'static str> {
    // Every mark has a sign in it. Most names are numbers of messages.
    if name.as_encoded_bytes().iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
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
            ("~$findings.docx", "an office program"),
        ] {
            assert_eq!(temporary(OsStr::new(name)), Some(by), "{name}");
        }
        for name in ["0000000000000003", "0000000000000003 (1)", "findings.txt", "head", "~", ".tmp"] {
            assert_eq!(temporary(OsStr::new(name)), None, "{name}");
        }
    }

    #[test]
    fn systems() {
        for (name, by) in [(".DS_Store", "macOS"), ("._0000000000000003", "macOS"), ("desktop.ini", "Windows")] {
            assert_eq!(known(OsStr::new(name)), Some(ForeignReason::System { by }));
        }
        for name in ["THUMBS.DB", "Thumbs (2).db", "Desktop.ini (1)", "desktop (Ana's conflicted copy 2026-11-29).ini"]
        {
            assert_eq!(known(OsStr::new(name)), Some(ForeignReason::System { by: "Windows" }), "{name}");
        }
        for name in [".DS_Store (1)", ".DS_Store.sync-conflict-20261122-101112-ABCDEFG", ".ds_store 2", "Icon\r"] {
            assert_eq!(known(OsStr::new(name)), Some(ForeignReason::System { by: "macOS" }), "{name}");
        }
        for (name, by) in
            [(".stfolder", "Syncthing"), (".sync_3f1a.db", "Nextcloud or ownCloud"), (".sync", "Resilio Sync")]
        {
            assert_eq!(known(OsStr::new(name)), Some(ForeignReason::System { by }));
        }
        for (name, by) in [
            ("sync.ffs_db", "FreeFileSync"),
            (".SyncID", "Resilio Sync"),
            (".picasa.ini", "Picasa"),
            ("AlbumArt_{6F0E}_Large.jpg", "Windows"),
            ("__MACOSX", "macOS"),
            ("head@SynoEAStream", "a NAS"),
            (".goutputstream-4TNN10", "a Linux desktop"),
        ] {
            assert_eq!(known(OsStr::new(name)), Some(ForeignReason::System { by }), "{name}");
        }
        for name in ["findings.txt", "desktopnotes.ini", "recyclers", "thumbsup.db", ".syncs"] {
            assert_eq!(known(OsStr::new(name)), None, "{name}");
        }
    }
}
