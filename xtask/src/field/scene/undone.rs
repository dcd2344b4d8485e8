//! Programs that undo or replace what a member writes, again and again.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::Scene;
use crate::field::needs::Need;
use crate::play::member::{Member, all_read};
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, Stop, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "view-only",
        source: "help.dropbox.com/share/view-only-conflict, with its pages de-de and id-id",
        about: "Ana may only view. After each message the service moves her directory to a name of its own.",
        right: "the doctor says so, the number of files stays small, nothing is lost, and the advice repairs it",
        needs: &[],
        wants: &[],
        play: view_only,
    },
    Scene {
        name: "links-instead-of-files",
        source: "git-annex.branchable.com/bugs/Direct_mode_repositories_still_use_symlinks_sometimes",
        about: "A tool replaces every new file by a link to its own store, as git-annex and deduplicators do.",
        right: "the number of names stays small, the doctor complains, and files that come back are read",
        needs: &[],
        wants: &["git", "git-annex"],
        play: links_instead_of_files,
    },
];

/// The rounds after which a member must have given up or slowed down.
const ROUNDS: usize = 8;

const TAILS: [&str; 4] =
    ["(view only conflicts)", "(Schreibschutzkonflikte)", "(konflik lihat saja)", "(conflits de lecture seule)"];

fn view_only(stage: &Stage) -> Outcome {
    stage.each(
        &TAILS,
        |tail| (*tail).to_owned(),
        |tail, stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ben.send(&["hello", "again"])?;
            let mut texts = vec!["hello".to_owned(), "again".to_owned()];
            let mut author = String::new();
            let mut moved = Vec::new();
            let mut said = String::new();
            for round in 0..=ROUNDS {
                let text = format!("round {round}");
                said = ana.send(&[&text])?;
                texts.push(text);
                if author.is_empty() {
                    author = ana.author()?;
                }
                let own = ana.folder.join(&author);
                if own.exists() {
                    let number = if round == 0 { String::new() } else { format!(" ({round})") };
                    let aside = ana.folder.join(format!("{author} {tail}{number}"));
                    tree::rename(&own, &aside)?;
                    moved.push(aside);
                }
            }
            check(said.contains("not in the folder yet"), || format!("the last sending does not say it: `{said}`"))?;
            let count = tree::files(&ana.folder)?.len();
            check(count <= 2 * (ROUNDS + 1), || format!("there are {count} files after {ROUNDS} rounds"))?;
            all_read(&[&ana], &texts)?;
            let checkup = ana.doctor()?;
            let undone = checkup.must("undone")?;
            check(undone.text().contains("permission"), || format!("it does not say why: {}", undone.text()))?;

            // Ana follows the doctor's advice.
            moved.iter().try_for_each(|aside| tree::remove(aside))?;
            ana.open()?;
            all_read(&[&ana, &ben, &cleo], &texts)?;
            [&ana, &ben, &cleo].into_iter().try_for_each(Member::is_well)
        },
    )
}

/// A tool that replaces files by links, and restores them.
struct Tool {
    name: &'static str,
    prepare: fn(&Stage) -> Outcome,
    take: fn(&Stage) -> Outcome,
    give: fn(&Stage) -> Outcome,
}

const TOOLS: &[Tool] = &[
    Tool { name: "a deduplicator", prepare: |_| Ok(()), take: deduplicate, give: duplicate },
    Tool {
        name: "git-annex",
        prepare: annex,
        take: |stage| git(stage, &["annex", "add", "--quiet", "jam.session"]),
        give: |stage| git(stage, &["annex", "unlock", "--quiet", "jam.session"]),
    },
];

fn links_instead_of_files(stage: &Stage) -> Outcome {
    stage.each(
        TOOLS,
        |tool| tool.name.to_owned(),
        |tool, stage| {
            (tool.prepare)(stage)?;
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.send(&["one", "two", "three"])?;
            ben.send(&["four"])?;
            let texts = ["one", "two", "three", "four"];
            all_read(&[&ana], &texts)?;
            for _ in 0..ROUNDS {
                (tool.take)(stage)?;
                ana.open()?;
            }
            (tool.take)(stage)?;
            let names = tree::messages(&ana.folder)?.len();
            check(names <= 3 * texts.len(), || format!("there are {names} names for {} messages", texts.len()))?;
            all_read(&[&ana], &texts)?;
            for member in [&ana, &cleo] {
                let checkup = member.doctor()?;
                check(!checkup.attention().is_empty(), || format!("the doctor of {} says nothing", member.name))?;
            }

            (tool.give)(stage)?;
            all_read(&[&ana, &ben, &cleo], &texts)
        },
    )
}

/// Moves every file to a store and leaves a link.
fn deduplicate(stage: &Stage) -> Outcome {
    let store = stage.at("store");
    tree::make_dir(&store)?;
    for file in plain_files(&stage.at("jam.session"))? {
        let kept = store.join(tree::files(&store)?.len().to_string());
        tree::rename(&file, &kept)?;
        symlink(&kept, &file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// Replaces every link by a file.
fn duplicate(stage: &Stage) -> Outcome {
    for link in tree::files(&stage.at("jam.session"))? {
        if tree::status(&link)?.is_symlink() {
            let bytes = tree::read(&link)?;
            tree::remove(&link)?;
            tree::write(&link, bytes)?;
        }
    }
    Ok(())
}

fn plain_files(dir: &Path) -> Outcome<Vec<std::path::PathBuf>> {
    let files = tree::files(dir)?.into_iter();
    Ok(files.filter(|file| tree::status(file).is_ok_and(|status| status.is_file())).collect())
}

fn annex(stage: &Stage) -> Outcome {
    for tool in ["git", "git-annex"] {
        Need::Tool(tool).lacking().map_or(Ok(()), |why| Err(Stop::Skip(why)))?;
    }
    git(stage, &["init", "--quiet"])?;
    git(stage, &["annex", "init", "--quiet"])
}

fn git(stage: &Stage, words: &[&str]) -> Outcome {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=field", "-c", "user.email=field@localhost"]).args(words).current_dir(&stage.place);
    git.env("HOME", &stage.place).env("GIT_CONFIG_NOSYSTEM", "1");
    stage.must(&mut git).map(drop)
}
