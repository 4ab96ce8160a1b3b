//! The whole system on one machine, with one command
