//! The program of the tutorial, between two members.

use std::fs;

use super::run;

#[test]
fn two_members_share_a_list() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("band.session");
    fs::create_dir(&folder).unwrap();
    let list = |member: &str, line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        run(&folder, &place.path().join(member), &words).unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    assert_eq!(list("ana", "add buy strings"), "1. [ ] buy strings\n");
    assert_eq!(list("ben", "add find a drummer"), "1. [ ] buy strings\n2. [ ] find a drummer\n");
    assert_eq!(list("ben", "done 1"), "1. [x] buy strings\n2. [ ] find a drummer\n");
    assert_eq!(list("ana", "rename 2 find a bassist"), "1. [x] buy strings\n2. [ ] find a bassist\n");
    // Offline: the folder is away, and the list is there.
    let away = place.path().join("away");
    fs::rename(&folder, &away).unwrap();
    assert_eq!(list("ana", "add book a room"), "1. [x] buy strings\n2. [ ] find a bassist\n3. [ ] book a room\n");
    fs::rename(&away, &folder).unwrap();
    list("ana", "list");
    assert_eq!(list("ben", "list"), "1. [x] buy strings\n2. [ ] find a bassist\n3. [ ] book a room\n");
    let wrong = run(&folder, &place.path().join("ana"), &["done", "9"]).unwrap_err();
    assert_eq!(wrong.to_string(), "there is no such item");
}

/// The chapter cannot include the file, because its blocks are tests.
#[test]
fn the_chapter_shows_the_program() {
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let read = |name: &str| fs::read_to_string(format!("{book}/{name}")).unwrap().replace('\r', "");
    let program = read("code/examples/list/main.rs");
    let (_, program) = program.split_once("from here on.\n").unwrap();
    let chapter = read("src/tutorial/program.md");
    let (_, block) = chapter.split_once("```rust,no_run\n").unwrap();
    let (block, _) = block.split_once("```\n").unwrap();
    assert_eq!(block, program);
}
