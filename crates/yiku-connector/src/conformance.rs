//! What every connector must do, as one suite.
