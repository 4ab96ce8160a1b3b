//! Builds instances out of provider plugins
