//! Tests of the provider on a strict fake of a cluster.

#![cfg(test)]

mod access;
mod any_answer;
mod conformance;
mod life;
mod lists;
mod objects;
mod proxy;
mod refusals;
mod support;

use provider_kubernetes as _;
