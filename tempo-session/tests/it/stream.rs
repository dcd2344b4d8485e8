//! Events as a stream, with and without a runtime.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake},
    thread::{self, Thread},
};

use futures_util::StreamExt;
use tempo_session::{Event, Events};

use crate::support::{Place, STUCK};

/// Returns the text of the next message.
async fn next_text(events: &mut Events) -> Option<String> {
    // The stream keeps no state, so it can be created for each event.
    while let Some(event) = events.stream().next().await {
        if let Event::Message { entry, .. } = event.unwrap() {
            return Some(String::from_utf8(entry.payload.to_vec()).unwrap());
        }
    }
    None
}

async fn converse() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let mut events = ben.events();
    let listening = tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Some(text) = next_text(&mut events).await {
            heard.push(text);
            if heard.len() == 1 {
                ben.send("and I hear you").unwrap();
            }
            if heard.len() == 3 {
                // Ends the stream.
                ben.clone().close().unwrap();
            }
        }
        heard
    });
    let mut events = ana.events();
    ana.send("I speak").unwrap();
    assert_eq!(next_text(&mut events).await.as_deref(), Some("I speak"));
    assert_eq!(next_text(&mut events).await.as_deref(), Some("and I hear you"));
    ana.send("good").unwrap();
    let heard = listening.await.unwrap();
    assert_eq!(heard, ["I speak", "and I hear you", "good"]);
}

#[test]
fn a_stream_yields_events_and_ends_with_the_session() {
    for mut runtime in [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()] {
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(STUCK, converse()).await.expect("all messages arrive") });
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Without a runtime, a waker is enough.
#[test]
fn a_task_is_woken_without_a_runtime() {
    let place = Place::new();
    let ana = place.member("ana");
    let mut events = ana.events();
    let sending = thread::spawn(move || ana.send("hello").unwrap());
    let mut hello = pin!(async move {
        loop {
            if let Some(Ok(Event::Message { entry, .. })) = poll_fn(|context| events.poll_next(context)).await {
                return entry.payload;
            }
        }
    });
    let waker = Arc::new(Unpark(thread::current())).into();
    let payload = loop {
        match hello.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(payload) => break payload,
            Poll::Pending => thread::park_timeout(STUCK),
        }
    };
    assert_eq!(payload, "hello");
    sending.join().unwrap();
}

#[tokio::test]
async fn a_replica_wakes_its_task() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let mut replica = ben.replica(Count);
    let counting = tokio::spawn(async move {
        while let Some(change) = poll_fn(|context| replica.poll_update(context)).await {
            change.unwrap();
            if *replica.state() == 3 {
                // Ends the updates.
                replica.session().clone().close().unwrap();
            }
        }
        *replica.state()
    });
    for text in ["one", "two", "three"] {
        ana.send(text).unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(tokio::time::timeout(STUCK, counting).await.unwrap().unwrap(), 3);
}

struct Count;

impl tempo_session::replica::Reducer for Count {
    type State = usize;

    fn initial(&self) -> usize {
        0
    }

    fn apply(&self, count: &mut usize, _: &tempo_session::Entry) {
        *count += 1;
    }
}
