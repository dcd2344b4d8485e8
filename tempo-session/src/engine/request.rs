//! A request of the application to the driver, and the answer.

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

    /// Withdraws the request, because the caller no longer waits. Returns the answer if there is
    /// one.
    pub(crate) fn withdraw(&mut self) -> Option<A> {
        self.asked = None;
        self.answer.take()
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answer.is_some()
    }

    /// Takes the request, to be done now.
    pub(crate) fn take(&mut self) -> Option<Q> {
        self.asked.take()
    }

    /// Asks again for a request that is not done yet, unless there is a newer one.
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
