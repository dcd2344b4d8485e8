//! The possible steps, and their consequences.

use stateright::Property;

use crate::{
    config::{Config, Defect},
    member::{Member, Phase},
    message::{INSTALLATIONS, Message},
    properties,
    set::Set,
    state::State,
};

/// A step. Members are named by installation, messages by slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A message is created and committed.
    Send { member: usize },
    /// A message that retires an author is created and committed.
    Retire { member: usize },
    /// A committed message appears in its author's copy of the folder.
    Publish { member: usize, message: u8 },
    /// A file arrives in another copy of the folder, in any order.
    Sync { from: usize, to: usize, message: u8 },
    /// A member reads what is new in its copy of the folder.
    Collect { member: usize },
    /// Received messages become durable.
    Flush { member: usize },
    /// An author writes its head.
    WriteHead { member: usize },
    /// A head arrives in another copy of the folder.
    SyncHead { from: usize, to: usize },
    /// The power fails. Of undurable messages only `kept` survives. `files` says whether the heads and the own files
    /// that no other member has yet also survive in the copy of the folder.
    Crash { member: usize, kept: Set, files: bool },
    /// A stopped member restarts from its store. Its outbox is what the folder lacks.
    Restart { member: usize },
    /// A new member appears with a copy of another member's current folder.
    LateJoin { member: usize, from: usize },
    /// A second installation appears with a copy of the first one's store and folder.
    Clone { member: usize },
    /// An author that saw another installation write under its name continues under a new one.
    IdentitySource { member: usize },
}

impl stateright::Model for Config {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (member, it) in state.members.iter().enumerate() {
            match it.phase {
                Phase::Absent => self.entrances(state, member, actions),
                Phase::Up => self.deeds(state, member, it, actions),
                Phase::Down => actions.push(Action::Restart { member }),
            }
            if it.phase != Phase::Absent {
                self.arrivals(state, member, it, actions);
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Send { member } => self.send(&mut state, member, None),
            Action::Retire { member } => self.send(&mut state, member, self.retires.map(|(_, about)| about)),
            Action::Publish { member, message } => state.members[member].folder.insert(message),
            Action::Sync { to, message, .. } => {
                state.members[to].folder.insert(message);
                if !self.slow_collect {
                    self.collect(&mut state, to);
                }
            }
            Action::Collect { member } => self.collect(&mut state, member),
            Action::Flush { member } => flush(&mut state.members[member]),
            Action::WriteHead { member } => {
                let head = state.members[member].claim(&state.messages, self);
                state.members[member].heads[member] = head;
            }
            Action::SyncHead { from, to } => state.members[to].heads[from] = state.members[from].heads[from],
            Action::Crash { member, kept, files } => self.crash(&mut state, member, kept, files),
            // The member may send before it looks into the folder.
            Action::Restart { member } => state.members[member].phase = Phase::Up,
            Action::LateJoin { member, from } => {
                state.members[member].phase = Phase::Up;
                state.members[member].folder = state.members[from].folder;
                self.collect(&mut state, member);
            }
            Action::Clone { member } => {
                let mut clone = Member { phase: Phase::Down, ..state.members[0] };
                clone.crash(Set::EMPTY);
                state.members[member] = Member { phase: Phase::Up, ..clone };
            }
            Action::IdentitySource { member } => state.members[member].author = minted(member),
        }
        self.follow(&mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

impl Config {
    fn entrances(&self, state: &State, member: usize, actions: &mut Vec<Action>) {
        let is = |role: Option<u8>| role.map(usize::from) == Some(member);
        if is(self.joiner) {
            actions.extend(state.present().map(|(from, _)| Action::LateJoin { member, from }));
        }
        if is(self.clone) && state.members[0].author == 0 {
            actions.push(Action::Clone { member });
        }
    }

    fn deeds(&self, state: &State, member: usize, it: &Member, actions: &mut Vec<Action>) {
        let messages = &state.messages;
        let may_send = messages.next_slot(member, self.sends[member]).is_some();
        if may_send && it.compose(messages, self, self.is_liar(member)).is_some() {
            actions.push(Action::Send { member });
            if self.retires.map(|(by, _)| usize::from(by)) == Some(member) {
                actions.push(Action::Retire { member });
            }
        }
        if let Some(message) = it.unpublished(messages, self).iter().next() {
            actions.push(Action::Publish { member, message });
        }
        if !it.uncollected(messages, self).is_empty() {
            actions.push(Action::Collect { member });
        }
        if !it.volatile.is_empty() {
            actions.push(Action::Flush { member });
        }
        if self.writes_heads(member) && it.heads[member] != it.claim(messages, self) {
            actions.push(Action::WriteHead { member });
        }
        if self.mints && it.author != minted(member) && !it.impostors(messages).is_empty() {
            actions.push(Action::IdentitySource { member });
        }
        if state.crashes > 0 {
            crashes(state, member, it, actions);
        }
    }

    /// Adds what the service may deliver. The source of a message makes no difference, so the first member that has
    /// it is the source.
    fn arrivals(&self, state: &State, to: usize, it: &Member, actions: &mut Vec<Action>) {
        for message in state.files().minus(it.folder).iter() {
            let from = state.present().find(|(_, member)| member.folder.has(message));
            actions.extend(from.map(|(from, _)| Action::Sync { from, to, message }));
        }
        for (from, owner) in state.present().filter(|&(from, _)| self.writes_heads(from) && from != to) {
            let (new, old) = (owner.heads[from], it.heads[from]);
            if new.counter > old.counter || new.lamport > old.lamport {
                actions.push(Action::SyncHead { from, to });
            }
        }
    }

    fn send(&self, state: &mut State, member: usize, retires: Option<u8>) {
        let it = &state.members[member];
        let message = it.compose(&state.messages, self, self.is_liar(member)).expect("it may send");
        let slot = state.messages.next_slot(member, self.sends[member]).expect("it may send");
        state.messages.add(slot, Message { retires, ..message });
        let it = &mut state.members[member];
        it.sent.insert(slot);
        match self.defect {
            Defect::PublishedBeforeCommit => {
                it.volatile.insert(slot);
                it.folder.insert(slot);
            }
            Defect::CausesNotCommitted => it.durable.insert(slot),
            _ => {
                it.durable.insert(slot);
                flush(it);
            }
        }
        if state.crashes == 0 && !self.slow_publish {
            state.members[member].folder.insert(slot);
        }
    }

    fn collect(&self, state: &mut State, member: usize) {
        let it = &mut state.members[member];
        // Messages are taken one by one, because a defective member may take only one of two.
        while it.is_up()
            && let Some(slot) = it.uncollected(&state.messages, self).iter().next()
        {
            it.volatile.insert(slot);
        }
    }

    fn crash(&self, state: &mut State, member: usize, kept: Set, files: bool) {
        state.crashes -= 1;
        let others = others_files(state, member);
        let it = &mut state.members[member];
        it.crash(kept);
        if !files {
            it.folder = it.folder.minus(it.sent.minus(others));
            it.heads = Default::default();
        }
        if self.has(Defect::NotRepublished) {
            it.sent = it.sent.and(it.folder);
        }
    }

    /// Lets every member conclude at once what follows from what it has.
    fn follow(&self, state: &mut State) {
        let State { messages, members, crashes } = state;
        for member in members.iter_mut().filter(|member| member.is_up()) {
            if *crashes == 0 {
                // No later crash can reveal what is durable.
                flush(member);
            }
            member.accept_all(messages, self);
            if self.tells() {
                member.tell(messages, self);
            }
        }
    }

    fn is_liar(&self, member: usize) -> bool {
        self.liar.map(usize::from) == Some(member)
    }
}

/// Adds the crashes. A crash that could lose nothing and separates no related steps is only a pause, and is left out.
fn crashes(state: &State, member: usize, it: &Member, actions: &mut Vec<Action>) {
    let unsynced = it.folder.and(it.sent).minus(others_files(state, member));
    let has_heads = it.heads.iter().any(|&head| head != Default::default());
    let has_unpublished = !it.sent.is_within(it.folder);
    if it.volatile.is_empty() && unsynced.is_empty() && !has_heads && !has_unpublished {
        return;
    }
    for kept in it.volatile.subsets() {
        actions.push(Action::Crash { member, kept, files: true });
        if !unsynced.is_empty() || has_heads {
            actions.push(Action::Crash { member, kept, files: false });
        }
    }
}

fn others_files(state: &State, member: usize) -> Set {
    state.present().filter(|&(at, _)| at != member).map(|(_, other)| other.folder).fold(Set::EMPTY, Set::or)
}

fn flush(member: &mut Member) {
    member.durable = member.durable.or(member.volatile);
    member.volatile = Set::EMPTY;
}

fn minted(member: usize) -> u8 {
    u8::try_from(INSTALLATIONS + member).unwrap()
}
