//! The members and the engine between them: the conversation, and the harms.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::kind::Kind;
use super::member::Member;
use super::share::{Engine, SESSION};
use super::stable::StableParts;
use super::veil::Veil;
use crate::process;
use crate::talk::Talk;

/// The number of members at the beginning.
pub(super) const MEMBERS: usize = 3;
/// The number of machines: one more member may join.
pub(super) const MACHINES: usize = 4;
/// The time between two samples of what is stable; longer for a long log.
const BETWEEN_SAMPLES: Duration = Duration::from_secs(5);
const NAMES: [&str; MACHINES] = ["Ana", "Ben", "Cleo", "Dora"];

/// The state of one scenario.
pub(super) struct Group {
    pub(super) place: PathBuf,
    tempo: PathBuf,
    pub(super) engine: Box<dyn Engine>,
    pub(super) members: Vec<Member>,
    pub(super) kind: Kind,
    pub(super) rng: fastrand::Rng,
    /// Decides which member types when. It is separate, because the amount of typing depends on time, and the
    /// harms must follow from the seed alone.
    pace: fastrand::Rng,
    /// The number of harms that really took effect.
    pub(super) done: usize,
    /// The harms, with the seconds since the beginning.
    story: File,
    begun: Instant,
    /// The parts that members have reported as stable along the way.
    pub(super) stable: StableParts,
    /// The file system between a member and its share. It is dropped last, because a member may still be
    /// using it.
    pub(super) veil: Option<Veil>,
    /// The times at which the members type their next lines.
    due: [Option<Instant>; MACHINES],
    /// The time of the next sample of what is stable.
    sample_at: Instant,
}

/// The time limit for a chat to end.
const PATIENCE: Duration = Duration::from_secs(120);
/// The duration of the talk that follows.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// The time limit for a directory to be carried to a new machine.
const ARRIVAL: Duration = Duration::from_secs(300);

impl Group {
    /// Starts the engine and the members, each with the session's folder in its share.
    pub(super) fn set_up(kind: Kind, place: &Path, tempo: &Path, seed: u64) -> Result<Self, String> {
        let story = fs::create_dir_all(place.join("logs")).and_then(|()| File::create(place.join("logs/story")));
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut group = Self {
            place: place.to_owned(),
            tempo: tempo.to_owned(),
            engine: kind.set_up(place, MACHINES)?,
            members: Vec::new(),
            kind,
            pace: rng.fork(),
            rng,
            done: 0,
            story: story.map_err(|error| format!("{}: {error}", place.display()))?,
            begun: Instant::now(),
            stable: StableParts::default(),
            veil: None,
            due: [None; MACHINES],
            sample_at: Instant::now() + BETWEEN_SAMPLES,
        };
        group.tell(&format!("seed {seed}"));
        for _ in 0..MEMBERS {
            group.join()?;
        }
        Ok(group)
    }

    /// Adds a member on a machine of its own.
    pub(super) fn join(&mut self) -> Result<(), String> {
        self.join_with(|_| Ok(()))
    }

    /// Adds a member, and prepares the directory of its store before it starts. If the store is a copy of
    /// another member's, the folder already has that member's messages, as on a cloned machine.
    pub(super) fn join_with(&mut self, prepare: impl FnOnce(&Member) -> io::Result<()>) -> Result<(), String> {
        let number = self.members.len();
        let name = NAMES.get(number).ok_or("there is no machine left")?;
        let folder = self.engine.share(number).join(SESSION);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut member = Member::new((*name).to_owned(), &self.tempo, &self.place, folder);
        prepare(&member).map_err(|error| format!("{}: {error}", member.state.display()))?;
        self.engine.start(number)?;
        // The member that was stopped for the copy continues.
        self.members.iter_mut().try_for_each(Member::start)?;
        let copied: Vec<PathBuf> = member.authors().map(|author| member.folder.join(author)).collect();
        process::wait_until(ARRIVAL, || copied.iter().all(|own| own.exists()))?;
        member.start()?;
        self.members.push(member);
        Ok(())
    }

    /// Lets every running member type a line now and then.
    pub(super) fn talk(&mut self, span: Duration) -> Result<(), String> {
        let end = Instant::now() + span;
        while Instant::now() < end {
            for (member, due) in self.members.iter_mut().zip(&mut self.due) {
                if due.is_none_or(|due| due <= Instant::now()) {
                    member.type_lines(1)?;
                    *due = Some(Instant::now() + Duration::from_millis(self.pace.u64(50..500)));
                }
            }
            if self.sample_at <= Instant::now() {
                let (begun, which) = (Instant::now(), self.pace.usize(..self.members.len()));
                self.sample(which)?;
                self.sample_at = Instant::now() + BETWEEN_SAMPLES.max(begun.elapsed() * 10);
            }
            process::rest(process::GLANCE)?;
        }
        Ok(())
    }

    /// Lets the second member continue as a chat, to hear what others say as its user would.
    pub(super) fn listen(&mut self) -> Result<Talk, String> {
        let reader = self.member(1)?;
        reader.close()?;
        reader.talk("chat")
    }

    /// Ends the chat as a user would; the member continues like the others.
    pub(super) fn stop_listening(&mut self, chat: Talk) -> Result<(), String> {
        chat.end(PATIENCE)?;
        self.member(1)?.start()?;
        self.talk(AFTERWARDS)
    }

    /// Makes a member see its share through a [`Veil`] from here on.
    pub(super) fn veil(&mut self, who: usize) -> Result<(), String> {
        let veil = Veil::over(&self.engine.share(who), &self.place, who)?;
        let folder = veil.at.join(SESSION);
        self.veil = Some(veil);
        let member = self.member(who)?;
        member.close()?;
        member.folder = folder;
        member.start()
    }

    /// Notes what a member has as stable. A member behind a veil is not asked, because no answer may come.
    pub(super) fn sample(&mut self, which: usize) -> Result<(), String> {
        let is_veiled = self.veil.as_ref().is_some_and(|veil| veil.who == which);
        if is_veiled || self.member(which)?.is_gone {
            return Ok(());
        }
        let place = self.place.join("looked-at");
        match self.member(which)?.marked_log(&place)? {
            Some((asked, log)) => self.stable.note(asked, &log),
            None => Ok(()),
        }
    }

    /// Starts a member again. Half of the time it is first asked what is stable, which is also a start.
    pub(super) fn start_again(&mut self, which: usize) -> Result<(), String> {
        if self.pace.bool() {
            self.sample(which)?;
        }
        self.member(which)?.start()
    }

    /// Counts a harm and notes it in the story.
    pub(super) fn did(&mut self, what: &str) {
        self.done += 1;
        self.tell(what);
    }

    /// Writes into the story, which is kept after a failure.
    pub(super) fn tell(&mut self, what: &str) {
        let at = self.begun.elapsed().as_secs_f64();
        // A failure to write the story is no reason to stop.
        let _ = writeln!(self.story, "{at:8.1} {what}");
    }

    /// Connects every machine, and starts everything again.
    pub(super) fn restore(&mut self) -> Result<(), String> {
        let there = self.members.iter().enumerate().filter(|(_, member)| !member.is_gone);
        for number in there.map(|(number, _)| number).collect::<Vec<_>>() {
            self.engine.set_online(number, true)?;
        }
        self.members.iter_mut().try_for_each(Member::start)
    }

    /// Returns the members that have not left.
    pub(super) fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_gone)
    }

    pub(super) fn member(&mut self, number: usize) -> Result<&mut Member, String> {
        self.members.get_mut(number).ok_or_else(|| format!("there is no member {number}"))
    }

    /// Chooses a random member.
    pub(super) fn anybody(&mut self) -> usize {
        self.rng.usize(..self.members.len())
    }
}
