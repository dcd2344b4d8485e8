//! Tests of what the core rejects, holds, reports, limits and calls stable.

mod files;
mod retired;
mod rules;
mod signed;
mod stable;

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Frame, Kind};
use uuid::Uuid;

use super::{driving::Input, event::Intake, session_core::SessionCore};

fn author(number: u8) -> AuthorId {
    AuthorId::new(Uuid::from_u128(u128::from(number) + 1))
}

/// Sends one message from a core and returns its frame.
fn send(core: &mut SessionCore, text: &str, unix_ms: i64) -> Frame {
    let frames = core.compose([(Kind::Payload, Bytes::copy_from_slice(text.as_bytes()))], unix_ms).unwrap();
    sent(core, &frames[0]);
    frames[0].clone()
}

fn sent(core: &mut SessionCore, frame: &Frame) {
    core.handle(Input::Sent { message: frame.message(), digest: frame.digest() });
}

fn receive(core: &mut SessionCore, frame: &Frame) -> Intake {
    core.handle(Input::Received(frame))
}
