//! Events for tasks of an async runtime, which must not block.

use std::task::{Context, Poll};

use crate::{
    api::{
        events::Events,
        replica::{Change, Reducer, Replica},
    },
    engine::event::Event,
    errors::ReadError,
};

impl Events {
    /// Polls for the next event from a task. When there is none, the task is woken once there may be one.
    /// Returns `None` when the session is closed.
    ///
    /// This needs no runtime and no feature: `std::future::poll_fn(|context|
    /// events.poll_next(context)).await` returns the next event in any task. Meanwhile it reads the payload
    /// of a message from the local store, which takes some microseconds.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event, ReadError>>> {
        match self.poll_or_end() {
            // Events from here on wake the task. The second poll catches those that came before.
            Poll::Pending => {
                self.session().shared().wakers.register(context.waker());
                self.poll_or_end()
            }
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn poll_or_end(&mut self) -> Poll<Option<Result<Event, ReadError>>> {
        match self.poll() {
            Ok(Some(event)) => Poll::Ready(Some(Ok(event))),
            _ if !self.session().shared().lock().lifecycle.is_open() => Poll::Ready(None),
            Ok(None) => Poll::Pending,
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    /// Returns the events as a [`Stream`](futures_core::Stream), which ends when the session is closed. The
    /// stream has no state of its own, so it can be dropped and made again between two events.
    #[cfg(feature = "stream")]
    #[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
    pub fn stream(&mut self) -> EventStream<'_> {
        EventStream { events: self }
    }
}

impl<R: Reducer> Replica<R> {
    /// Polls for the next change from a task, as [`update_within`](Self::update_within) waits for it in a thread. When
    /// there is none, the task is woken once there may be one. Returns `None` when the session is closed.
    ///
    /// This needs no runtime and no feature: `std::future::poll_fn(|context| replica.poll_update(context)).await` returns
    /// the next change in any task. Like [`update`](Self::update) it applies some thousand messages at most; where that
    /// takes long, call it where your runtime allows a thread to block.
    pub fn poll_update(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Change, ReadError>>> {
        match self.update_or_end() {
            // News from here on wakes the task. The second update takes in what came before.
            Poll::Pending => {
                self.session().shared().wakers.register(context.waker());
                self.update_or_end()
            }
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn update_or_end(&mut self) -> Poll<Option<Result<Change, ReadError>>> {
        loop {
            match self.update() {
                Ok(Some(change)) => return Poll::Ready(Some(Ok(change))),
                _ if !self.session().shared().lock().lifecycle.is_open() => return Poll::Ready(None),
                // Not every event changes the state.
                Ok(None) if self.has_news() => {}
                Ok(None) => return Poll::Pending,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

/// [`Events`] as a stream.
#[cfg(feature = "stream")]
#[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
#[derive(Debug)]
pub struct EventStream<'a> {
    events: &'a mut Events,
}

#[cfg(feature = "stream")]
impl futures_core::Stream for EventStream<'_> {
    type Item = Result<Event, ReadError>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next(context)
    }
}
