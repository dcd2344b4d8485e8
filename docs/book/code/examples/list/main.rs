//! The program of the tutorial: a list that several people share.
//!
//! ```sh
//! mkdir /tmp/band.session
//! cargo run -p tempo-book --example list -- /tmp/band.session /tmp/ana add buy strings
//! cargo run -p tempo-book --example list -- /tmp/band.session /tmp/ben done 1
//! cargo run -p tempo-book --example list -- /tmp/band.session /tmp/ana list
//! ```

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

#[cfg(test)]
mod tests;

// The chapter `tutorial/program.md` shows everything from here on.
use std::{env, error::Error, fs, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use tempo_session::{Entry, MessageId, Session, printable_text, replica::Reducer};

#[derive(Serialize, Deserialize)]
enum Action {
    Add { text: String },
    Done { item: MessageId },
    Rename { item: MessageId, text: String },
}

#[derive(Clone, Serialize, Deserialize)]
struct Item {
    id: MessageId,
    text: String,
    is_done: bool,
}

struct List;

impl Reducer for List {
    type State = Vec<Item>;

    fn initial(&self) -> Vec<Item> {
        Vec::new()
    }

    fn apply(&self, items: &mut Vec<Item>, entry: &Entry) {
        let Ok(action) = entry.decode() else { return };
        match action {
            Action::Add { text } => items.push(Item { id: entry.id, text, is_done: false }),
            Action::Done { item } => change(items, item, |item| item.is_done = true),
            Action::Rename { item, text } => change(items, item, |item| item.text = text),
        }
    }
}

fn change(items: &mut [Item], id: MessageId, change: impl FnOnce(&mut Item)) {
    if let Some(item) = items.iter_mut().find(|item| item.id == id) {
        change(item);
    }
}

/// Executes a command, and returns the list afterwards.
fn run(folder: &Path, state: &Path, command: &[&str]) -> Result<String, Box<dyn Error>> {
    let session = Session::builder(folder).state_dir(state).open()?;
    // Includes what others have done meanwhile. If the folder is away, the list is that of the last time.
    let _ = session.refresh(Duration::from_secs(3));

    let kept = state.join("list-1.json");
    let snapshot = fs::read(&kept).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut list = match snapshot {
        Some(snapshot) => session.replica_after(List, snapshot),
        None => session.replica(List),
    };
    list.catch_up()?;

    let item = |number: &str| {
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        index.and_then(|index| list.state().get(index)).map(|item| item.id).ok_or("there is no such item")
    };
    let action = match *command {
        ["list"] => None,
        ["add", ref text @ ..] => Some(Action::Add { text: text.join(" ") }),
        ["done", number] => Some(Action::Done { item: item(number)? }),
        ["rename", number, ref text @ ..] => Some(Action::Rename { item: item(number)?, text: text.join(" ") }),
        _ => return Err("usage: list FOLDER STATE (list | add TEXT | done NUMBER | rename NUMBER TEXT)".into()),
    };
    if let Some(action) = action {
        session.typed().send(&action)?;
        list.catch_up()?;
    }

    let beside = kept.with_extension("new");
    fs::write(&beside, serde_json::to_vec(&list.snapshot()?)?)?;
    fs::rename(&beside, &kept)?;
    let shown = (1..).zip(list.state()).map(|(number, item)| {
        format!("{number}. [{}] {}\n", if item.is_done { "x" } else { " " }, printable_text(&item.text))
    });
    let shown = shown.collect();
    session.close()?; // waits some seconds for what is not in the folder yet
    Ok(shown)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [folder, state, ref command @ ..] = arguments[..] else { return Err("usage: list FOLDER STATE ...".into()) };
    print!("{}", run(Path::new(folder), Path::new(state), command)?);
    Ok(())
}
