//! `tempo status`: the state of a session.

use std::{fmt::Write, path::Path, time::Duration};

use serde_json::{Value, json};
use tempo_session::{
    MessageId, Status,
    status::{Download, FolderState, Gap, Member, Names},
};

use crate::{arguments::Local, failure::Failure, log, member, output, stable, summary::Summary, unread};

const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn run(folder: &Path, local: &Local, json: bool) -> Result<(), Failure> {
    let session = member::visit(folder, local)?;
    log::refresh(&session, PATIENCE)?;
    // Publish what was kept while the folder was away, so that it does not count as missing.
    session.flush(log::PATIENCE_OF_PUBLISHING);
    let status = session.status();
    let files = Summary::of(&session);
    member::leave(session)?;
    unread::tell(&status, json);
    if json {
        return output::object(&for_programs(&status, &files?));
    }
    output::line(for_people(folder, &status).trim_end())?;
    files?.for_people(&status.names()).iter().try_for_each(|line| output::line(line))
}

fn for_people(folder: &Path, status: &Status) -> String {
    let names = status.names();
    let mut text = String::new();
    let mut add = |line: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    add(&format!("{}: {}", output::path(folder), state_of(&status.folder)));
    add(&output::who_and_how_much(status, status.author.map(|author| names.of(author))));
    if let Some(stable) = stable::for_people(status) {
        add(&stable);
    }
    if status.unpublished > 0 {
        let is = if status.unpublished == 1 { "is" } else { "are" };
        add(&format!("{} of your messages {is} not in the folder yet", status.unpublished));
    }
    if let Some(why) = &status.publish_error {
        add(&format!("publishing fails: {why}"));
    }
    for counter in &status.occupied {
        add(&format!("something else is in the place of your message {counter}; yours is beside it"));
    }
    if let Some(error) = &status.store_error {
        add(&format!("received messages cannot be stored: {error}"));
    }
    if let Some(error) = &status.head_error {
        add(&format!("your hints for other members cannot be written: {error}"));
    }
    add("");
    add(&format!("{:<12} {:>9} {:>9}  {:<20} {}", "member", "messages", "last", "last heard", "missing"));
    for member in &status.members {
        add(&member_line(status, &names, member));
    }
    section(
        &mut add,
        "waiting",
        status.held,
        status.waiting.iter().map(|waiting| {
            let missing: Vec<String> = waiting.missing.iter().map(|(id, _)| message(&names, *id)).collect();
            let what = if missing.is_empty() { "messages that wait themselves".to_owned() } else { missing.join(", ") };
            format!("{} waits for {what}", message(&names, waiting.id))
        }),
    );
    section(
        &mut add,
        "refused",
        status.rejected.len(),
        status.rejected.iter().map(|(id, why)| format!("{} {why}", message(&names, *id))),
    );
    for download in status.downloads() {
        add(&download_line(&names, &download));
    }
    files(status, &mut add);
    text
}

/// Adds the sections about files in the folder other than messages.
fn files(status: &Status, add: &mut impl FnMut(&str)) {
    let report = &status.report;
    section(
        add,
        "not yet messages",
        report.pending.len(),
        report.pending.iter().map(|it| format!("{}: {}", it.place, it.reason)),
    );
    section(
        add,
        "not messages",
        report.foreign.len(),
        report.foreign.iter().map(|it| format!("{}: {}", it.place, it.reason)),
    );
    if report.unlisted > 0 {
        add(&format!(
            "  and {} that are not listed",
            output::counted(usize::try_from(report.unlisted).unwrap_or(usize::MAX), "more file")
        ));
    }
    section(
        add,
        "changed on the way, and restored",
        report.converted.len(),
        report.converted.iter().map(|it| it.place.clone()),
    );
    section(add, "copies", report.copies.len(), report.copies.iter().map(|copy| copy.place.clone()));
    section(
        add,
        "duplicate directories",
        report.doubled.len(),
        report.doubled.iter().map(|doubled| doubled.place.clone()),
    );
    section(
        add,
        "read as parts of this session, and not written",
        report.parts.len(),
        report.parts.iter().map(|part| format!("{part}, beside the session folder")),
    );
    for (heading, names) in
        [("perhaps parts of this session, and not read", &report.undecided), ("other sessions", &report.apart)]
    {
        section(add, heading, names.len(), names.iter().map(|name| format!("{name}, beside the session folder")));
    }
    if let Some(why) = &report.without_hints {
        add(&format!("\nthe folder is checked from time to time, because it cannot be watched: {why}"));
    }
}

fn member_line(status: &Status, names: &Names, member: &Member) -> String {
    let name = names.of(member.author);
    let heard = member.heard_ms.map_or("-".to_owned(), output::time);
    let mut line =
        format!("{name:<12} {:>9} {:>9}  {heard:<20} {}", member.messages, member.last, ranges(&member.gaps));
    let mut also = |what: String| {
        line.push_str("  ");
        line.push_str(&what);
    };
    if member.announced > member.last {
        also(format!("{} to {} still to come", member.last + 1, member.announced));
    }
    if !member.forks.is_empty() {
        let forks: Vec<String> = member.forks.iter().map(u64::to_string).collect();
        also(format!("two messages with the number {}", forks.join(" ")));
    }
    if let Some(former) = member.former {
        let unproven = if member.has_proven { "" } else { ", it says" };
        also(format!("formerly {}{unproven}", output::short(former)));
    }
    if !member.is_signed {
        also("does not sign".to_owned());
    }
    let forged = status.unvouched.iter().filter(|id| id.author == member.author).count();
    if forged > 0 {
        also(format!("{} not proven", output::counted(forged, "message")));
    }
    let successors = status.members.iter().filter(|it| it.former == Some(member.author));
    let successors: Vec<String> = successors.map(|it| output::short(it.author)).collect();
    if !successors.is_empty() {
        also(format!("continued by {}", successors.join(" and ")));
    }
    match member.retired {
        Some(by) if by == member.author => also("has left".to_owned()),
        Some(by) => also(format!("retired by {}", names.of(by))),
        None => {}
    }
    let of_mine = status.author.filter(|&me| me != member.author);
    let seen = of_mine.and_then(|me| member.has_seen.iter().find(|(author, _)| *author == me));
    if let Some((_, counter)) = seen {
        also(format!("has your messages up to {counter}"));
    }
    line
}

fn download_line(names: &Names, download: &Download) -> String {
    let (count, files) = (usize::try_from(download.count()).unwrap_or(usize::MAX), download.files.len());
    let what = match download.author {
        Some(author) => format!("{} of {}", output::counted(count, "message"), names.of(author)),
        None => format!("{} from an unknown author", output::counted(files, "file")),
    };
    let least = if download.is_least { "at least " } else { "" };
    let waits = if count == 1 { "waits" } else { "wait" };
    let them = if count == 1 { "it" } else { "them" };
    let how = if download.is_placeholder {
        format!("the service's own program fetches {them}")
    } else {
        format!("--download makes the service fetch {them}")
    };
    format!("{least}{what} {waits} for download: {how}")
}

/// Adds a heading and its lines. A long list is cut; `--json` has more of it.
fn section(add: &mut impl FnMut(&str), heading: &str, all: usize, lines: impl Iterator<Item = String>) {
    const SHOWN: usize = 20;
    if all == 0 {
        return;
    }
    add(&format!("\n{heading} ({all})"));
    for line in lines.take(SHOWN) {
        add(&format!("  {line}"));
    }
    if all > SHOWN {
        add(&format!("  and {} more; --json lists more of them", all - SHOWN));
    }
}

/// Returns the status as the library writes it, how many files of the folder could not be read, by reason, and a summary
/// of the attached ones.
fn for_programs(status: &Status, files: &Summary) -> Value {
    output::with(json!(status), [("unread", unread::for_programs(status)), ("files", json!(files))])
}

fn state_of(folder: &FolderState) -> String {
    match folder {
        FolderState::Attached => "here".to_owned(),
        FolderState::Detached { why } => format!("away: {why}"),
        FolderState::Unreadable { why } => format!("unreadable: {why}"),
        _ => "not looked at yet".to_owned(),
    }
}

fn message(names: &Names, id: MessageId) -> String {
    format!("{} #{}", names.of(id.author), id.counter)
}

/// Formats the first few gaps; `--json` has all of them.
fn ranges(gaps: &[Gap]) -> String {
    const SHOWN: usize = 6;
    let mut shown: Vec<String> = gaps.iter().take(SHOWN).map(range).collect();
    if gaps.len() > SHOWN {
        shown.push(format!("and {} more gaps", gaps.len() - SHOWN));
    }
    if shown.is_empty() { "-".to_owned() } else { shown.join(" ") }
}

fn range(gap: &Gap) -> String {
    if gap.start() == gap.end() { gap.start().to_string() } else { format!("{}-{}", gap.start(), gap.end()) }
}
