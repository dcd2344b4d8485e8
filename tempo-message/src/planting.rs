//! The switch of planted defects, as the code sees it.
//!
//! `planted!(Name)` is true when the defect of that name is in the running thread, and `false`, known to the compiler,
//! in every build without the feature `planted`. A defect is one condition at the place where the right thing is done:
//!
//! ```
//! # let digest_holds = true;
//! if !digest_holds && !tempo_message::planted!(DigestUnchecked) {
//!     panic!("the frame is bad");
//! }
//! ```
//!
//! `tempo-sim` puts the defects in one at a time, and finds each.

/// Whether a defect is planted.
#[cfg(feature = "planted")]
#[doc(hidden)]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::Bug::$bug.is_planted()
    };
}

/// Whether a defect is planted: no.
#[cfg(not(feature = "planted"))]
#[doc(hidden)]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}
