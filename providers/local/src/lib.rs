//! Runs each instance as a process of this machine
