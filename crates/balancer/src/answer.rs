//! The balancer's own answers, with the ALB's bodies.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::body::ResponseBody;

/// Returns the ALB's answer for a status that it gives itself.
pub(crate) fn error(status: StatusCode) -> Response<ResponseBody> {
    let title = match status.as_u16() {
        // The ALB's words differ from the registry's for these two.
        503 => "503 Service Temporarily Unavailable".to_owned(),
        504 => "504 Gateway Time-out".to_owned(),
        code => format!("{code} {}", status.canonical_reason().unwrap_or("Error")),
    };
    html(status, &title)
}

/// Returns a redirect, or a plain error if the location cannot be a header.
pub(crate) fn redirect(status: u16, location: &str) -> Response<ResponseBody> {
    let status = if status == 301 { StatusCode::MOVED_PERMANENTLY } else { StatusCode::FOUND };
    let Ok(location) = HeaderValue::from_str(location) else {
        return error(StatusCode::BAD_REQUEST);
    };
    let title = if status == StatusCode::FOUND { "302 Found" } else { "301 Moved Permanently" };
    let mut response = html(status, title);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Returns a fixed response.
pub(crate) fn fixed(status: u16, content_type: Option<&str>, body: Option<&str>) -> Response<ResponseBody> {
    let body = Bytes::copy_from_slice(body.unwrap_or_default().as_bytes());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let content_type = content_type.and_then(|t| HeaderValue::from_str(t).ok());
    own(status, content_type.unwrap_or(HeaderValue::from_static("text/plain")), body)
}

fn html(status: StatusCode, title: &str) -> Response<ResponseBody> {
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    own(status, HeaderValue::from_static("text/html"), Bytes::from(body))
}

fn own(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::own(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("awselb/2.0"));
    headers.insert(header::CONTENT_TYPE, content_type);
    response
}
