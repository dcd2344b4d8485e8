//! The thread that looks at the folder, which may take its time: files, and what is wrong.

use std::{
    sync::mpsc::{Receiver, TryRecvError},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use tempo_session::{
    Builder, Session,
    doctor::{Finding, LocalStore, Surroundings, diagnose},
    error::OpenError,
};

use crate::{
    ask::Ask,
    listed::{Listed, list},
    tell::Teller,
    trouble::Trouble,
};

/// A clerk of one session.
pub(crate) struct Clerk {
    teller: Teller,
    session: Session,
    builder: Builder,
    /// Facts of the last check-up that stay true.
    around: Surroundings,
    /// The findings of the last check-up that do not follow from the status.
    more: Vec<Finding>,
    /// The time of the last check-up, in milliseconds since 1970.
    looked_ms: Option<i64>,
    files: Option<Vec<Listed>>,
    told: String,
}

/// The findings, as the page shows them.
#[derive(Debug, Clone, Serialize)]
struct Diagnosis<'a> {
    /// Follows from the present status.
    findings: &'a [Finding],
    /// Was found by the last check-up of everything in the folder.
    more: &'a [Finding],
    looked_ms: Option<i64>,
    service: Option<&'static str>,
}

impl Clerk {
    pub(crate) fn new(teller: Teller, session: Session, builder: Builder) -> Self {
        let (around, more, told) = (Surroundings::default(), Vec::new(), String::new());
        Self { teller, session, builder, around, more, looked_ms: None, files: None, told }
    }

    /// Looks as often as it is asked to, until the session is closed. Requests that came during a look are one.
    pub(crate) fn run(mut self, asked: &Receiver<Ask>) {
        while let Ok(mut ask) = asked.recv() {
            loop {
                match asked.try_recv() {
                    Ok(other) => ask = ask.and(other),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            if let Err(trouble) = self.look(ask) {
                self.teller.tell("trouble", &trouble);
            }
        }
    }

    fn look(&mut self, ask: Ask) -> Result<(), Trouble> {
        if ask.files || self.has_files_on_their_way() {
            let files = list(&self.session)?;
            if self.files.as_ref() != Some(&files) {
                self.teller.tell("files", &files);
                self.files = Some(files);
            }
        }
        if ask.check_up {
            self.check_up()?;
        }
        self.diagnose();
        Ok(())
    }

    fn has_files_on_their_way(&self) -> bool {
        self.files.iter().flatten().any(Listed::is_on_its_way)
    }

    /// Examines the whole folder, beside the session.
    fn check_up(&mut self) -> Result<(), OpenError> {
        let mut around = self.builder.clone().check_up()?.surroundings;
        // The store is in use by this process, which knows what is in it.
        around.store = LocalStore::Fine;
        let all = diagnose(&self.session.status(), &around);
        self.looked_ms = Some(now_ms());
        self.around = Surroundings::default();
        self.around.survey = around.survey;
        self.around.service = around.service;
        self.around.original = around.original;
        let known = self.findings();
        let is_known = |finding: &Finding| known.iter().any(|it| it.kind == finding.kind && it.place == finding.place);
        self.more = all.into_iter().filter(|finding| !is_known(finding)).collect();
        Ok(())
    }

    fn findings(&mut self) -> Vec<Finding> {
        self.around.unix_ms = Some(now_ms());
        self.around.me = self.session.author();
        diagnose(&self.session.status(), &self.around)
    }

    fn diagnose(&mut self) {
        let findings = self.findings();
        let service = self.around.service;
        let diagnosis = Diagnosis { findings: &findings, more: &self.more, looked_ms: self.looked_ms, service };
        let text = serde_json::to_string(&diagnosis).unwrap_or_default();
        if text != self.told {
            self.teller.tell("diagnosis", &diagnosis);
            self.told = text;
        }
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
