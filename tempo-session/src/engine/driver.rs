//! The pump between a session and its transport: publishes what was sent and takes in what arrives.

use std::{sync::Arc, thread, time::Duration};

use tempo_message::{Transport, planted};

use crate::{
    core::{packing::Packing, relaying::Relaying},
    engine::{
        carrier::Carrier, heading::HeadPace, link::Link, packing::Packer, publishing::Publisher, receiving::Receiver,
        relaying::Relayer, shared::Shared, trace, turn::Turn,
    },
    errors::describe,
    store::error::StoreError,
};

/// Moves messages between a session and its transport.
///
/// Usually a thread of the session runs it. An application with its own loop, or in virtual time,
/// calls [`turn`](Self::turn) instead; everything that may block on the folder happens there and
/// nowhere else.
#[derive(Debug)]
pub struct Driver {
    link: Link,
    receiver: Receiver,
    publisher: Publisher,
    packer: Packer,
    relayer: Relayer,
    head: HeadPace,
    /// The earliest time to determine again what is stable.
    stabilize_at: Duration,
    /// The earliest time to give up the name again when there is nothing to send.
    renew_at: Duration,
    carrier: Option<Carrier>,
}

/// The shortest time between two new authors when there is nothing to send: another installation
/// may take each new name, too.
const RENEW: Duration = Duration::from_secs(60);
/// The shortest time between two attempts to determine what is stable: each costs a transaction.
const STABILIZE: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Box<dyn Transport>,
        scrub: Option<Duration>,
        packing: Option<Packing>,
        relaying: Option<Relaying>,
    ) -> Self {
        let publisher = Publisher::new(scrub, shared.environment.now());
        Self {
            link: Link { shared, transport, is_attached: false },
            receiver: Receiver::default(),
            publisher,
            packer: Packer::new(packing),
            relayer: Relayer::new(relaying),
            head: HeadPace::default(),
            stabilize_at: Duration::ZERO,
            renew_at: Duration::ZERO,
            carrier: None,
        }
    }

    pub(crate) fn with(self, carrier: Option<Carrier>) -> Self {
        Self { carrier, ..self }
    }

    /// Takes what carries the parts of files, for an application that runs it itself; `None` if no files travel here.
    pub fn carrier(&mut self) -> Option<Carrier> {
        self.carrier.take()
    }

    /// Runs until the session is closed. Files travel on a thread of their own meanwhile.
    pub fn run(mut self) {
        let carrier = self.carrier.take();
        let carry =
            |carrier: Carrier| thread::Builder::new().name("tempo-files".to_owned()).spawn(|| carrier.run()).ok();
        let carrying = carrier.map(carry);
        if carrying.as_ref().is_some_and(Option::is_none) {
            self.link.shared.lock().files.has_no_carrier = true;
        }
        self.drive();
        // It ends when the session closes, after the part that it is moving.
        let _ = carrying.flatten().map(thread::JoinHandle::join);
    }

    fn drive(&mut self) {
        let _session = trace::session(self.link.shared.author());
        self.receiver.may_have_threads();
        loop {
            match self.turn() {
                Turn::Again => {}
                Turn::Wait(timeout) => self.link.transport.wait(timeout),
                Turn::Stop => return,
            }
        }
    }

    /// Returns whether the application has sent something or waits for something since the last turn. A loop of your
    /// own then ends its wait and takes the next turn.
    pub fn is_wanted(&self) -> bool {
        self.link.shared.is_driver_wanted()
    }

    /// Does what can be done now, without waiting for more.
    pub fn turn(&mut self) -> Turn {
        let _turn = trace::turn();
        self.link.shared.driver_turns();
        let mut state = self.link.shared.lock();
        if !state.lifecycle.is_open() {
            return Turn::Stop;
        }
        let own = state.own.take();
        state.heard.tick(self.link.shared.environment.unix_ms());
        state.lifecycle.rest(false);
        drop(state);
        if let Some(own) = own {
            self.publisher.compare(own);
        }
        let now = self.link.shared.environment.now();
        let begins_refresh = self.receiver.begin(&self.link, now);
        // Until the first look it is unknown whether this is still the session's folder.
        let was_attached = self.link.is_attached;
        let mut again = was_attached && self.publisher.step(&mut self.link, &mut self.packer, now);
        if begins_refresh {
            self.publisher.retry_now();
        }
        match self.receiver.step(&mut self.link) {
            Ok(more) => {
                again |= more || (!was_attached && self.has_to_publish());
                // A new author should know what is here.
                again |= self.receiver.has_seen_all() && self.renew(now);
            }
            Err(_) if planted!(DetachedForEver) => return Turn::Stop,
            Err(_) => {}
        }
        self.finish_refresh(now);
        if again {
            return Turn::Again;
        }
        self.receiver.save(&self.link);
        let next_stabilizing = self.stabilize(now);
        let next_head = if self.link.is_attached { self.leave_head(now) } else { None };
        if self.is_quiet() && (self.packer.step(&mut self.link, now) || self.relayer.step(&mut self.link, now)) {
            return Turn::Again;
        }
        self.keep_snapshot();
        let mut state = self.link.shared.lock();
        state.lifecycle.rest(true);
        if planted!(NeverAtRest) && state.core.held_len() > 0 {
            return Turn::Again;
        }
        let waits_to_publish = self.link.is_attached && !state.outbox.is_empty();
        drop(state);
        self.link.shared.announce();
        let longest = [next_head, next_stabilizing].into_iter().flatten().fold(LONGEST_WAIT, Duration::min);
        let retry = self.publisher.retry_at().saturating_sub(now);
        Turn::Wait(if waits_to_publish { longest.min(retry) } else { longest })
    }

    /// Gives up a name that another installation may have, even when there is nothing to send.
    /// Returns whether it did.
    fn renew(&mut self, now: Duration) -> bool {
        let shared = &self.link.shared;
        let is_needed = shared.conflict().is_some() || !shared.lock().introduction().is_empty();
        if !is_needed || now < self.renew_at {
            return false;
        }
        self.renew_at = now + RENEW;
        let sent = shared.send_now(&[]);
        if let Err(error) = &sent {
            shared.lock().store_error = Some(describe(error));
        }
        sent.is_ok()
    }

    /// Marks as stable what can be, and reports changes, if there is anything new. Returns the time
    /// until the next attempt.
    fn stabilize(&mut self, now: Duration) -> Option<Duration> {
        let shared = &self.link.shared;
        let is_due = shared.lock().may_become_stable || shared.idle_after.is_some();
        if !is_due {
            return None;
        }
        if now < self.stabilize_at && !self.receiver.is_refreshing() {
            return Some(self.stabilize_at.saturating_sub(now));
        }
        self.stabilize_at = now + STABILIZE;
        if let Err(error) = shared.stabilize() {
            shared.lock().store_error = Some(describe(&error));
        }
        let unix_ms = shared.environment.unix_ms();
        let mut state = shared.lock();
        state.notice(unix_ms, shared.idle_after);
        // More may have become stable meanwhile, or storing the marks may have failed.
        state.may_become_stable.then_some(STABILIZE)
    }

    /// Leaves the head if it is due; returns the time until the next attempt.
    fn leave_head(&mut self, now: Duration) -> Option<Duration> {
        let state = self.link.shared.lock();
        let is_new = state.refresh.first_until().is_some() || !state.introduction().is_empty();
        let is_busy = !state.outbox.is_empty() || state.core.conflict().is_some() || is_new;
        let is_ready = self.publisher.has_joined(state.core.author()) && !is_busy;
        drop(state);
        if is_ready { self.head.step(&mut self.link, now) } else { None }
    }

    /// Returns whether nothing else has to be done in the own directories.
    fn is_quiet(&self) -> bool {
        let state = self.link.shared.lock();
        let is_busy = !state.outbox.is_empty() || state.lifecycle.is_leaving() || state.core.conflict().is_some();
        self.link.is_attached && self.publisher.is_ready(state.core.author()) && !is_busy
    }

    fn has_to_publish(&self) -> bool {
        let state = self.link.shared.lock();
        let author = state.core.author();
        author.is_some() && (!self.publisher.is_ready(author) || !state.outbox.is_empty())
    }

    /// Completes a refresh once everything was looked at, publishing was tried, and it is known
    /// what is stable.
    fn finish_refresh(&mut self, now: Duration) {
        let has_tried = {
            let state = self.link.shared.lock();
            let is_observer = state.core.author().is_none();
            is_observer || state.is_audited || state.outbox.has_failed() || !self.link.is_attached
        };
        if has_tried && self.receiver.has_looked(&self.link) {
            self.receiver.save(&self.link);
            self.stabilize(now);
            self.receiver.finish_refresh(&self.link);
        }
    }

    fn keep_snapshot(&self) {
        match self.link.shared.keep_snapshot() {
            Ok(()) | Err(StoreError::Closed) => {}
            Err(error) => self.link.shared.lock().store_error = Some(describe(&error)),
        }
    }
}
