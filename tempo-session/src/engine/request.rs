//! What an application asks of the driver, and the answer.

/// A request that is made under the session's lock, taken up by the driver, and answered.
#[derive(Debug)]
pub(crate) struct Request<Q, A> {
    asked: Option<Q>,
    answer: Option<A>,
}

impl<Q, A> Request<Q, A> {
    pub(crate) fn ask(&mut self, what: Q) {
        (self.asked, self.answer) = (Some(what), None);
    }

    /// Nobody waits for the answer any more; the answer is what there is of it.
    pub(crate) fn withdraw(&mut self) -> Option<A> {
        self.asked = None;
        self.answer.take()
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answer.is_some()
    }

    /// What is asked for, to be done now.
    pub(crate) fn take(&mut self) -> Option<Q> {
        self.asked.take()
    }

    /// It is not done yet, and is asked for again unless something else was since.
    pub(crate) fn put_back(&mut self, what: Q) {
        self.asked.get_or_insert(what);
    }

    pub(crate) fn answer(&mut self, with: A) {
        self.answer = Some(with);
    }
}

impl<Q, A> Default for Request<Q, A> {
    fn default() -> Self {
        Self { asked: None, answer: None }
    }
}
