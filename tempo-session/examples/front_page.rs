//! Two members of one session: the example on the repository's front page.
//!
//! ```sh
//! cargo run -p tempo-session --example front_page
//! ```

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use tempo_session::{Event, Session};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shared = tempfile::tempdir()?; // in real life a folder inside Dropbox, Syncthing, ...
    let folder = shared.path().join("jam.session");
    std::fs::create_dir(&folder)?;

    // Two members on one machine need a directory for their local state each; one alone says `Session::open(&folder)`.
    let ana = Session::builder(&folder).state_dir(shared.path().join("ana")).name("Ana").open()?;
    let ben = Session::builder(&folder).state_dir(shared.path().join("ben")).name("Ben").open()?;

    ana.send("Who plays the drums?")?; // safe when this returns, whether the folder is there or not

    for event in ben.events() {
        if let Event::Message { entry, .. } = event? {
            // Insert every entry at its position, and your list is the timeline that every member has.
            println!("{}: {}", entry.position, String::from_utf8_lossy(&entry.payload));
            break;
        }
    }
    assert_eq!(ben.timeline().len(), 1);
    Ok(())
}
