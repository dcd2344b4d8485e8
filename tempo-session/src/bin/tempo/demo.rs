//! `tempo demo`: the main purpose in one command.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Barrier,
    thread,
    time::Duration,
};

use tempo_session::{Entry, Event, Events, Session};

use crate::{failure::Failure, output};

/// The conversation, in steps. The speakers of a step send at the same moment, after each member
/// has received all earlier steps.
const SCRIPT: [&[(usize, &str)]; 5] = [
    &[(0, "I have put a new song into the folder. Who plays the drums?")],
    &[(1, "I do!"), (2, "Me, please.")],
    &[(0, "Ben plays, and Cleo records.")],
    &[(2, "Fine with me. 96 beats a minute?")],
    &[(0, "96, yes."), (1, "Rather 98."), (2, "I have taken the first verse.")],
];
const NAMES: [&str; 3] = ["Ana", "Ben", "Cleo"];
/// Far more than a working machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result<(), Failure> {
    let temporary = tempfile::tempdir().map_err(Failure::Temporary)?;
    let folder = temporary.path().join("jam.session");
    fs::create_dir(&folder).map_err(Failure::Temporary)?;
    output::line("Three members, each with its own store, share one folder. Messages sent at the same moment have")?;
    output::line("the same logical time; every member still sees them in the same order.\n")?;

    let barrier = Barrier::new(NAMES.len());
    let members: Vec<(usize, &str)> = NAMES.into_iter().enumerate().collect();
    let timelines: Vec<Result<Vec<Entry>, Failure>> = thread::scope(|scope| {
        let talks: Vec<_> = members
            .iter()
            .map(|&(who, name)| {
                let (folder, barrier) = (&folder, &barrier);
                let state = temporary.path().join(name);
                scope.spawn(move || talk(who, name, folder, state, barrier))
            })
            .collect();
        let died = || Err(Failure::No("a member has died".to_owned()));
        talks.into_iter().map(|talk| talk.join().unwrap_or_else(|_| died())).collect()
    });
    let timelines = timelines.into_iter().collect::<Result<Vec<_>, _>>()?;

    for (name, timeline) in NAMES.iter().zip(&timelines) {
        output::line(&format!("What {name} sees:"))?;
        for entry in timeline {
            output::line(&row(entry))?;
        }
        output::line("")?;
    }
    show_folder(&folder)?;
    let said: usize = SCRIPT.iter().map(|step| step.len()).sum();
    let all_equal = timelines.iter().all(|timeline| timelines.first() == Some(timeline) && timeline.len() == said);
    if !all_equal {
        return Err(Failure::No("the timelines differ; that is a defect of this program".to_owned()));
    }
    output::line(&format!("{said} messages, {} members, and the three timelines are equal.\n", NAMES.len()))?;
    output::line("Try it yourself, in two terminals:")?;
    let place = |name: &str| output::word(&env::temp_dir().join(name));
    let folder = place("jam.session");
    output::line(&format!("  mkdir {folder}"))?;
    for (state, name) in [("ana", "Ana"), ("ben", "Ben")] {
        output::line(&format!("  cargo tempo --state {} chat {folder} --name {name}", place(state)))?;
    }
    output::line(&format!("and afterwards: cargo tempo log {folder}, cargo tempo status {folder}."))?;
    output::line(
        "If the folder is inside Dropbox, Syncthing or a similar service, the two can be on different machines.",
    )
}

/// Plays one member's part, and returns its final timeline.
fn talk(who: usize, name: &str, folder: &Path, state: PathBuf, barrier: &Barrier) -> Result<Vec<Entry>, Failure> {
    let opened = Session::builder(folder).state_dir(state).name(name).open();
    // Every member must reach every barrier, or the others would wait forever.
    let mut outcome = opened.map(|session| session.events()).map_err(Failure::from);
    let mut heard = 0;
    let mut due = 0;
    for step in SCRIPT {
        if let Ok(events) = &mut outcome
            && let Err(failure) = listen(events, &mut heard, due)
        {
            outcome = Err(failure);
        }
        barrier.wait();
        if let Ok(events) = &outcome {
            for &(_, text) in step.iter().filter(|(speaker, _)| *speaker == who) {
                if let Err(error) = events.session().send(text) {
                    outcome = Err(error.into());
                    break;
                }
            }
        }
        due += step.len();
    }
    let mut events = outcome?;
    listen(&mut events, &mut heard, due)?;
    let session = events.session().clone();
    let timeline = session.timeline().collect::<Result<Vec<_>, _>>()?;
    session.close()?;
    Ok(timeline)
}

/// Waits until `due` messages have arrived, own ones included.
fn listen(events: &mut Events, heard: &mut usize, due: usize) -> Result<(), Failure> {
    while *heard < due {
        match events.next_within(PATIENCE)? {
            Some(Event::Message { .. }) => *heard += 1,
            Some(_) => {}
            None => return Err(Failure::No(format!("only {heard} of {due} messages have arrived"))),
        }
    }
    Ok(())
}

fn row(entry: &Entry) -> String {
    let style = output::color_of(entry.author());
    let name = output::name_of(entry);
    format!("  time {:>2}  {style}{name:<5}{style:#} {}", entry.stamp.lamport, output::text_of(entry))
}

/// Prints the names of the files.
fn show_folder(folder: &Path) -> Result<(), Failure> {
    output::line("The folder:")?;
    output::line("  jam.session/")?;
    let names = |path: &Path| -> Result<Vec<String>, Failure> {
        let entries =
            fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(Failure::Temporary)?;
        let mut names: Vec<String> =
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    };
    for author in names(folder)? {
        let messages = names(&folder.join(&author))?;
        let (first, last) = (messages.first().cloned(), messages.last().cloned());
        output::line(&format!("    {author}/  {} to {}", first.unwrap_or_default(), last.unwrap_or_default()))?;
    }
    output::line("")
}
