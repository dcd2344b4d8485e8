//! A shared list: its state follows from messages, so all members have the same list, even after several
//! changed it offline.
//!
//! FOLDER is shared, and its name ends in `.session`. STATE is a directory of this member alone:
//!
//! ```sh
//! mkdir /tmp/band.session
//! cargo run -p tempo-session --example todo -- /tmp/band.session /tmp/ana add buy strings
//! cargo run -p tempo-session --example todo -- /tmp/band.session /tmp/ana rename 1 buy strings and picks
//! cargo run -p tempo-session --example todo -- /tmp/band.session /tmp/ben done 1
//! cargo run -p tempo-session --example todo -- /tmp/band.session /tmp/ana list
//! cargo run -p tempo-session --example todo -- /tmp/band.session /tmp/ben watch   # until its input ends
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{env, error::Error, fs, io, path::Path, process::ExitCode, thread, time::Duration};

use serde::{Deserialize, Serialize};
use tempo_session::{
    Entry, MessageId, Session, printable_text,
    replica::{Reducer, Replica},
};

/// A message of the list. It names an item by the message that added it, because line numbers differ between
/// members.
#[derive(Serialize, Deserialize)]
enum Action {
    Add { text: String },
    Done { item: MessageId },
    Rename { item: MessageId, text: String },
    // A new version of the program adds its actions at the end. Older versions skip them.
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

const USAGE: &str = "usage: todo FOLDER STATE (list | add TEXT | done NUMBER | rename NUMBER TEXT | watch)";
/// The file with the saved list. Its name changes with the reducer, because a new reducer cannot use old
/// states.
const KEPT: &str = "list-1.json";

fn main() -> ExitCode {
    if let Err(error) = run() {
        eprintln!("todo: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [folder, state, ref command @ ..] = arguments[..] else { return Err(USAGE.into()) };
    let session = Session::builder(folder).state_dir(state).open()?;
    // Includes what others have done since, unless the folder is away.
    let _ = session.refresh(Duration::from_secs(3));
    let kept = Path::new(state).join(KEPT);
    // A snapshot that cannot be read is computed again from the messages.
    let snapshot = fs::read(&kept).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut list = match snapshot {
        Some(snapshot) => session.replica_after(List, snapshot),
        None => session.replica(List),
    };
    catch_up(&mut list)?;
    let item = |number: &str| {
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        index.and_then(|index| list.state().get(index)).map(|item| item.id).ok_or("there is no item with this number")
    };
    let action = match *command {
        ["list" | "watch"] => None,
        ["add", ref text @ ..] => Some(Action::Add { text: text.join(" ") }),
        ["done", number] => Some(Action::Done { item: item(number)? }),
        ["rename", number, ref text @ ..] => Some(Action::Rename { item: item(number)?, text: text.join(" ") }),
        _ => return Err(USAGE.into()),
    };
    if let Some(action) = action {
        session.typed().send(&action)?;
        catch_up(&mut list)?;
    }
    print(list.state());
    if *command == ["watch"] {
        let input = thread::spawn(|| io::copy(&mut io::stdin(), &mut io::sink()));
        while !input.is_finished() {
            if list.update_within(Duration::from_millis(200))?.is_some() {
                print(list.state());
            }
        }
    }
    keep(&mut list, &kept)?;
    session.close()?;
    Ok(())
}

fn catch_up(list: &mut Replica<List>) -> Result<(), Box<dyn Error>> {
    list.catch_up()?;
    Ok(())
}

/// Saves the state, so that the next start applies only new messages.
fn keep(list: &mut Replica<List>, file: &Path) -> Result<(), Box<dyn Error>> {
    let beside = file.with_extension("new");
    fs::write(&beside, serde_json::to_vec(&list.snapshot()?)?)?;
    Ok(fs::rename(&beside, file)?)
}

fn print(items: &[Item]) {
    println!("--- {} of {} to do", items.iter().filter(|item| !item.is_done).count(), items.len());
    for (number, item) in (1..).zip(items) {
        println!("{number}. [{}] {}", if item.is_done { "x" } else { " " }, printable_text(&item.text));
    }
}
