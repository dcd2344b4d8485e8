//! Opening a session, and the threads that follow it.

use std::{
    fs,
    path::Path,
    sync::{Arc, mpsc},
};

use serde::Serialize;
use tempo_session::{AuthorId, error::ErrorKind};

use crate::{
    ask::Ask,
    clerk::Clerk,
    desk::{Desk, Open, in_background},
    pump::Pump,
    trouble::Trouble,
};

/// The session that the page shows.
#[derive(Debug, Serialize)]
pub(crate) struct Opened {
    folder: String,
    author: Option<AuthorId>,
}

/// Joins the session of a folder.
pub(crate) fn open(desk: &Desk, folder: &str, name: Option<&str>, create: bool) -> Result<Opened, Trouble> {
    desk.close();
    if create && !Path::new(folder).exists() {
        fs::create_dir(folder)?;
    }
    let builder = desk.arguments.builder(folder);
    let named = name.map_or_else(|| builder.clone(), |name| builder.clone().name(name));
    let session = named.open().map_err(|error| refused(error.into()))?;
    let (asks, asked) = mpsc::channel();
    let open = Arc::new(Open::new(session.clone(), folder.to_owned(), asks));
    let author = session.author();
    let teller = desk.teller();
    let clerk = Clerk::new(teller.clone(), session, builder);
    in_background(move || clerk.run(&asked));
    open.ask(Ask::everything());
    let pump = Pump::new(teller, Arc::clone(&open));
    in_background(move || pump.run());
    desk.set_open(open);
    Ok(Opened { folder: folder.to_owned(), author })
}

/// Says what to do about a folder that cannot be opened.
fn refused(trouble: Trouble) -> Trouble {
    match trouble.kind() {
        ErrorKind::NotFound => {
            trouble.advise("Choose the folder that you share, or start a session with “Create new”.")
        }
        ErrorKind::Invalid => {
            trouble.advise("Choose a folder whose name ends in .session, and a name of 1 to 128 bytes.")
        }
        _ => trouble,
    }
}
