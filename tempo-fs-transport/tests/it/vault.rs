//! Where secret keys are kept, on a real disk.

use std::fs;

use tempo_fs_transport::{FileVault, Installation, Vault};
use tempo_message::{SecretKey, Sign, is_signed};

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

#[test]
fn a_key_comes_back_and_nobody_else_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let vault = FileVault::new(dir.path().join("keys"));
    let (key, author) = (key(1), key(1).key().author());
    assert!(vault.load(author).unwrap().is_none());
    vault.keep(author, &key).unwrap();
    vault.keep(author, &key).unwrap();
    assert_eq!(vault.load(author).unwrap().unwrap().as_seed(), key.as_seed());
    assert_eq!(fs::read_dir(dir.path().join("keys")).unwrap().count(), 1, "nothing is left beside it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(vault.path(author)), mode(dir.path().join("keys"))), (0o600, 0o700));
        // What an interrupted attempt has left does not pass on its permissions.
        let new = dir.path().join("keys").join(format!("{author}.new"));
        fs::write(&new, "open to all").unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
        vault.keep(author, &key).unwrap();
        assert_eq!(mode(vault.path(author)), 0o600);
    }
}

#[test]
fn a_damaged_key_is_named_and_not_taken_for_a_lost_one() {
    let dir = tempfile::tempdir().unwrap();
    let vault = FileVault::new(dir.path());
    let author = key(1).key().author();
    vault.keep(author, &key(1)).unwrap();
    for (content, why) in [(&b"short"[..], "32 bytes"), (&[2; 32], "another author's"), (b"", "32 bytes")] {
        fs::write(vault.path(author), content).unwrap();
        let error = vault.load(author).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(&author.to_string()), "{error}");
        assert!(!error.contains("\u{2}"), "{error:?}");
    }
}

/// A new author signs, and its key is there before anything names it.
#[test]
fn new_authors_have_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let (state, folder) = (dir.path().join("state"), dir.path().join("jam.session"));
    fs::create_dir(&folder).unwrap();
    let first = Installation::find_or_create(&state, &folder, None).unwrap();
    let second = first.mint(None).unwrap();
    for author in [first.author, second] {
        assert!(is_signed(author));
        assert_eq!(first.vault().load(author).unwrap().unwrap().key().author(), author);
    }
    let elsewhere = FileVault::new(dir.path().join("elsewhere"));
    let third = first.mint(Some(&elsewhere)).unwrap();
    assert!(elsewhere.load(third).unwrap().is_some() && first.vault().load(third).unwrap().is_none());
    // A vault that keeps nothing: no author is made.
    let file = dir.path().join("a file");
    fs::write(&file, "in the way").unwrap();
    let before = first.authors().unwrap();
    let error = first.mint(Some(&FileVault::new(file.join("keys")))).unwrap_err();
    assert!(error.to_string().contains("secret key"), "{error}");
    assert_eq!(first.authors().unwrap(), before);
}
