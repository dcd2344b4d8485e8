//! Events for whoever must not wait: the task of an async runtime.

use std::task::{Context, Poll};

use crate::{api::events::Events, engine::event::Event, errors::ReadError};

impl Events {
    /// The next event, for a task: when there is none, the task is woken once there may be one. `None` when the session is
    /// closed.
    ///
    /// This needs no runtime and no feature; `std::future::poll_fn(|context| events.poll_next(context)).await` is the next
    /// event wherever there is a task. The payload of a message is read from the local store meanwhile, which takes some
    /// microseconds.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event, ReadError>>> {
        match self.poll_or_end() {
            // What comes from here on wakes the task; what came before that must not be missed.
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

    /// The events as a [`Stream`](futures_core::Stream), which ends when the session is closed. It keeps nothing of its own,
    /// so it can be dropped and asked for again between two events.
    #[cfg(feature = "stream")]
    #[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
    pub fn stream(&mut self) -> EventStream<'_> {
        EventStream { events: self }
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
