//! Tests of the provider on a real engine: a private Podman.

#![cfg(test)]

mod any_answer;
mod conformance;
mod isolation;
mod latency;
mod life;
mod podman;
mod refusals;
mod support;

use provider_docker as _;
