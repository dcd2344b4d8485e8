//! Which members have seen the own lines, and which lines are still on their way.

use std::collections::{BTreeMap, BTreeSet};

use tempo_session::{
    AuthorId, Entry, MessageId, Session, Stamp, Status,
    status::{FolderState, Member},
};

use crate::{failure::Failure, output};

/// The own lines, and what has been reported about them.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The author of this member, and its former ones.
    mine: BTreeSet<AuthorId>,
    /// The lines in the order of the timeline.
    lines: Vec<Line>,
    /// The last line that each other member has, as far as it was reported or need not be.
    told: BTreeMap<AuthorId, Stamp>,
    /// The last reported line that all of them have.
    told_of_all: Option<Stamp>,
    /// The folder has been looked at, so it is known what had been seen before.
    has_begun: bool,
}

/// An own line.
#[derive(Debug)]
struct Line {
    stamp: Stamp,
    id: MessageId,
    written: String,
    quoted: String,
}

impl Seen {
    pub(crate) fn new(session: &Session) -> Self {
        let status = session.status();
        Self {
            mine: status.former.into_iter().chain(status.author).collect(),
            lines: Vec::new(),
            told: BTreeMap::new(),
            told_of_all: None,
            has_begun: false,
        }
    }

    /// Takes a line in, if it is an own one.
    pub(crate) fn note(&mut self, session: &Session, entry: &Entry) {
        self.mine.extend(session.author());
        if self.mine.contains(&entry.author()) {
            let (written, quoted) = (output::written_at(entry), output::quoted(entry));
            let place = self.lines.partition_point(|before| before.stamp <= entry.stamp);
            self.lines.insert(place, Line { stamp: entry.stamp, id: entry.id, written, quoted });
        }
    }

    /// Reports what is on its way. Lines that have been seen by now are not reported again.
    ///
    /// If the folder has not been looked at yet, nothing is known about other members, and this
    /// begins later.
    pub(crate) fn begin(&mut self, session: &Session) {
        let status = session.status();
        if status.folder == FolderState::Attached {
            self.has_begun = true;
            drop(self.news(session, &status));
        }
        if let Some(said) = self.on_its_way(session, &status) {
            eprintln!("* {said}");
        }
    }

    /// Reports what has been seen since.
    pub(crate) fn tell(&mut self, session: &Session) {
        let status = session.status();
        if self.has_begun {
            for said in self.news(session, &status) {
                eprintln!("* {said}");
            }
        } else if status.folder == FolderState::Attached {
            self.begin(session);
        }
    }

    /// Shows the last lines, and which members have seen each.
    pub(crate) fn show(&self, session: &Session) -> Result<(), Failure> {
        const SHOWN: usize = 10;
        if self.lines.is_empty() {
            return output::line("you have not written anything here yet");
        }
        let (status, unpublished) = (session.status(), session.unpublished());
        let (others, names) = (self.others(&status), status.names());
        let listed = |authors: Vec<AuthorId>| output::listed(authors.into_iter().map(|author| names.of(author)));
        for &Line { id, ref written, ref quoted, .. } in self.lines.iter().skip(self.lines.len().saturating_sub(SHOWN))
        {
            let seen_by = session.seen_by(id);
            let (have, lack): (Vec<_>, Vec<_>) = others.iter().partition(|author| seen_by.contains(author));
            let how = match (have.len(), lack.len()) {
                (0, _) if unpublished.contains(&id) => "not in the folder yet".to_owned(),
                (0, 0) => "in the folder".to_owned(),
                (0, _) => format!("on its way to {}", listed(lack)),
                (1, 0) => format!("seen by {}", listed(have)),
                (_, 0) => "seen by every member".to_owned(),
                (_, _) => format!("seen by {}; on its way to {}", listed(have), listed(lack)),
            };
            output::line(&format!("{written}  {quoted}: {how}"))?;
        }
        Ok(())
    }

    /// Returns what has been seen since the last call: the last line of each member, and the last
    /// line that all members have. A member whose head is here before its first message may be another one's
    /// successor, so neither is known before that message.
    fn news(&mut self, session: &Session, status: &Status) -> Vec<String> {
        let (reached, names) = (self.reached(session, status), status.names());
        let line = |count: usize| self.lines.get(count.checked_sub(1)?).map(|line| (line.stamp, &line.quoted));
        let of_all = reached.values().min().and_then(|&count| line(count)).filter(|_| reached.len() > 1);
        let is_known = |member: &Member| member.announced == 0 || member.latest.is_some();
        let of_all = of_all.filter(|_| status.members.iter().all(is_known));
        let of_all = of_all.filter(|&(stamp, _)| Some(stamp) > self.told_of_all);
        let mut news = Vec::new();
        for member in status.members.iter().filter(|member| is_known(member)) {
            let Some((stamp, quoted)) = reached.get(&member.author).and_then(|&count| line(count)) else { continue };
            let told = self.told.get(&member.author).or_else(|| self.told.get(&member.former?)).copied();
            if Some(stamp) > told {
                self.told.insert(member.author, stamp);
                if of_all != Some((stamp, quoted)) {
                    news.push((names.of(member.author), quoted));
                }
            }
        }
        if let Some((stamp, quoted)) = of_all {
            self.told_of_all = Some(stamp);
            news.push(("every member".to_owned(), quoted));
        }
        news.into_iter().map(|(who, quoted)| format!("{who} has seen {quoted}")).collect()
    }

    /// Describes the lines that some member lacks: their number, those members, and how many are
    /// not in the folder yet.
    fn on_its_way(&self, session: &Session, status: &Status) -> Option<String> {
        let (reached, names) = (self.reached(session, status), status.names());
        let lacking = reached.iter().filter(|&(_, &count)| count < self.lines.len());
        let lacking = output::listed(lacking.map(|(&author, _)| names.of(author)));
        let unseen = self.lines.get(reached.values().min().copied().unwrap_or(0)..).unwrap_or_default();
        let outside: BTreeSet<MessageId> = session.unpublished().into_iter().collect();
        let unpublished = unseen.iter().filter(|line| outside.contains(&line.id)).count();
        let unseen = unseen.len();
        match (lacking.is_empty(), unpublished) {
            (true, 0) => None,
            (true, _) => Some(format!("not in the folder yet: {unpublished} of your lines")),
            (false, 0) => Some(format!("still on the way to {lacking}: {unseen} of your lines")),
            (false, _) => Some(format!(
                "still on the way to {lacking}: {unseen} of your lines, {unpublished} of them not in the folder yet"
            )),
        }
    }

    /// Returns, for each other member, how many of the lines it has, counted from the first. Empty
    /// before the beginning.
    fn reached(&self, session: &Session, status: &Status) -> BTreeMap<AuthorId, usize> {
        let mut reached = BTreeMap::new();
        // A member that has a line has all earlier ones, so bisection finds the counts for all
        // members at once.
        let mut open = vec![(0, self.lines.len(), self.others(status))];
        while let Some((least, most, people)) = open.pop() {
            let middle = usize::midpoint(least, most);
            match self.lines.get(middle) {
                _ if people.is_empty() => {}
                Some(&Line { id, .. }) if least < most => {
                    let seen_by = session.seen_by(id);
                    let (have, lack) = people.into_iter().partition(|author| seen_by.contains(author));
                    open.extend([(middle + 1, most, have), (least, middle, lack)]);
                }
                _ => reached.extend(people.into_iter().map(|author| (author, least))),
            }
        }
        reached
    }

    /// Returns all other members as their present authors. Empty before the beginning.
    fn others(&self, status: &Status) -> BTreeSet<AuthorId> {
        let others = status.members.iter().filter(|member| member.successor.is_none());
        let is_me = |author: &AuthorId| self.mine.contains(author) || status.author == Some(*author);
        let others = others.map(|member| member.author).filter(|author| !is_me(author));
        others.filter(|_| self.has_begun).collect()
    }
}
