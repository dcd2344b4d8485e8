//! Writing into the folder: staging, renaming, removing what packs and authors have made redundant.

pub(crate) mod publisher;
pub(crate) mod redundant;
pub(crate) mod relay;
pub(crate) mod staging;
pub(crate) mod thinning;
pub(crate) mod writer;
