use reqwest::Method;

use super::{VendorHttp, VendorRequest};
use crate::Context;

/// A vendor's API as one operation uses it: every call stays within the operation's context.
#[derive(Debug, Clone, Copy)]
pub struct Api<'a> {
    vendor: &'a VendorHttp,
    cx: &'a Context,
}

impl VendorHttp {
    /// The API for the calls of one operation, within `cx`.
    #[must_use]
    pub const fn on<'a>(&'a self, cx: &'a Context) -> Api<'a> {
        Api { vendor: self, cx }
    }
}

impl<'a> Api<'a> {
    /// The context of the operation: its mark and its deadline.
    #[must_use]
    pub const fn cx(self) -> &'a Context {
        self.cx
    }

    /// The vendor: the base URL of calls, and the meaning of its refusals.
    #[must_use]
    pub const fn vendor(self) -> &'a VendorHttp {
        self.vendor
    }

    /// A `GET` of the path made of `segments`. Each segment is percent-encoded, so an id cannot lead to another path.
    pub fn get(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self.vendor, self.cx, Method::GET, segments)
    }

    /// A `POST`; see [`Api::get`]. Without segments it is sent to the base URL itself.
    pub fn post(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self.vendor, self.cx, Method::POST, segments)
    }

    /// A `PATCH`; see [`Api::get`].
    pub fn patch(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self.vendor, self.cx, Method::PATCH, segments)
    }

    /// A `PUT`; see [`Api::get`].
    pub fn put(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self.vendor, self.cx, Method::PUT, segments)
    }

    /// A `DELETE`; see [`Api::get`].
    pub fn delete(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self.vendor, self.cx, Method::DELETE, segments)
    }
}
