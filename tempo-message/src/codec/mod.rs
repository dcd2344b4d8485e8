//! The bytes of messages: frames, files of several frames, and undoing the conversion of line ends.

pub(crate) mod fields;
pub(crate) mod frame;
pub(crate) mod frames;
pub(crate) mod line_ends;
pub(crate) mod pack;
pub(crate) mod wire;
