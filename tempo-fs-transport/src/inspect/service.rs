//! The sync service of a folder.

use std::{ffi::OsStr, fs, path::Path};

/// The names of folders that services make, in lower case, and the service. A name may continue
/// after a character that is neither a letter nor a digit: `OneDrive - Company`, `GoogleDrive-
/// ana@example.org`.
const FOLDERS: &[(&str, &str)] = &[
    ("dropbox", "Dropbox"),
    ("onedrive", "OneDrive"),
    ("google drive", "Google Drive"),
    ("googledrive", "Google Drive"),
    ("my drive", "Google Drive"),
    ("mobile documents", "iCloud Drive"),
    ("icloud drive", "iCloud Drive"),
    ("iclouddrive", "iCloud Drive"),
    ("cloudstorage", "a service of macOS"),
    ("nextcloud", "Nextcloud"),
    ("owncloud", "ownCloud"),
    ("seafile", "Seafile"),
    ("seadrive", "Seafile"),
    ("syncthing", "Syncthing"),
    ("resilio sync", "Resilio Sync"),
    ("btsync", "Resilio Sync"),
    ("pcloud drive", "pCloud"),
    ("pclouddrive", "pCloud"),
    ("pcloud sync", "pCloud"),
    ("mega", "MEGA"),
    ("megasync", "MEGA"),
    ("box", "Box"),
    ("box sync", "Box"),
    ("proton drive", "Proton Drive"),
    ("protondrive", "Proton Drive"),
];

/// The beginnings and ends of names that services leave in the folders that they sync.
const MARKERS: &[(&str, &str, &str)] = &[
    (".dropbox", "", "Dropbox"),
    (".stfolder", "", "Syncthing"),
    (".sync_", ".db", "Nextcloud or ownCloud"),
    ("._sync_", ".db", "Nextcloud or ownCloud"),
    (".owncloudsync.log", "", "ownCloud"),
    (".nextcloudsync.log", "", "Nextcloud"),
    (".sync", "", "Resilio Sync"),
    (".debris", "", "MEGA"),
    (".megaignore", "", "MEGA"),
    (".tmp.drivedownload", "", "Google Drive"),
    (".tmp.driveupload", "", "Google Drive"),
];

/// The most names of one directory that are examined.
const LOOKED_AT: usize = 10_000;

/// Returns the sync service that a folder seems to belong to, by the names of the folders above it
/// and by the files that services leave in them. Writes nothing and opens no file.
///
/// This is a guess: a user's own folder may have such a name, and a service that leaves no sign is
/// not found, nor is a network drive or a removable disk.
pub fn sync_service(folder: &Path) -> Option<&'static str> {
    // A path that cannot be resolved is judged as it was given.
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    // Only the folders above it count: a session folder may have any name.
    let by_name = || folder.components().rev().find_map(|component| by_folder(component.as_os_str()));
    folder.ancestors().find_map(left_by).or_else(by_name)
}

fn left_by(dir: &Path) -> Option<&'static str> {
    let entries = fs::read_dir(dir).ok()?;
    entries.take(LOOKED_AT).filter_map(Result::ok).find_map(|entry| by_marker(&entry.file_name()))
}

fn by_folder(name: &OsStr) -> Option<&'static str> {
    let name = name.to_str()?.to_lowercase();
    let continues = |rest: &str| rest.bytes().next().is_none_or(|next| !next.is_ascii_alphanumeric());
    FOLDERS.iter().find(|(folder, _)| name.strip_prefix(folder).is_some_and(continues)).map(|&(_, service)| service)
}

fn by_marker(name: &OsStr) -> Option<&'static str> {
    let name = name.to_str()?;
    let fits = |before: &str, after: &str| match after {
        "" => name == before,
        _ => name.len() > before.len() + after.len() && name.starts_with(before) && name.ends_with(after),
    };
    MARKERS.iter().find(|(before, after, _)| fits(before, after)).map(|&(_, _, service)| service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders() {
        for (name, service) in [
            ("Dropbox", "Dropbox"),
            ("Dropbox (Personal)", "Dropbox"),
            ("OneDrive - Company", "OneDrive"),
            ("GoogleDrive-ana@example.org", "Google Drive"),
            ("Mobile Documents", "iCloud Drive"),
            ("Box", "Box"),
        ] {
            assert_eq!(by_folder(OsStr::new(name)), Some(service), "{name}");
        }
        for name in ["Boxes", "omega", "my drives", "jam.session", "", "Documents"] {
            assert_eq!(by_folder(OsStr::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_sign_is_found_in_any_folder_above() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("music").join("jam.session");
        fs::create_dir_all(&folder).unwrap();
        let before = sync_service(&folder);
        fs::create_dir(dir.path().join(".stfolder")).unwrap();
        assert_eq!(sync_service(&folder), Some("Syncthing"), "before: {before:?}");
        assert_eq!(by_marker(OsStr::new(".sync_3f1a.db")), Some("Nextcloud or ownCloud"));
        assert_eq!(by_marker(OsStr::new(".stfolder.old")), None);
    }
}
