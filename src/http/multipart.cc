// multipart/form-data (RFC 7578), as far as browsers, curl and Go send it.
#include "http/message.h"

namespace selvage::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The value of a parameter in `type; name=value; name="quoted \" value"`.
std::string parameter(std::string_view header, std::string_view name) {
  size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    ++at;
    const size_t equals = header.find('=', at);
    if (equals == std::string_view::npos) return "";
    const std::string key = lower(trim(header.substr(at, equals - at)));
    at = equals + 1;
    std::string value;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        if (header[at] == '\\' && at + 1 < header.size()) ++at;
        value += header[at];
      }
      at = header.find(';', at);
    } else {
      const size_t end = header.find(';', at);
      value = trim(header.substr(at, end == std::string_view::npos ? end : end - at));
      at = end;
    }
    if (key == name) return value;
  }
  return "";
}

tl::unexpected<Error> broken(const char* what) { return fail(Code::kInvalidArgument, std::string("multipart: ") + what); }

}  // namespace

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, BytesView body, size_t parts_max) {
  if (lower(trim(content_type.substr(0, content_type.find(';')))) != "multipart/form-data") {
    return fail(Code::kInvalidArgument, "request Content-Type isn't multipart/form-data");
  }
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) return fail(Code::kInvalidArgument, "no multipart boundary param in Content-Type");
  const std::string line = "--" + boundary;
  size_t at = body.starts_with(line) ? 0 : body.find("\r\n" + line);
  if (at == BytesView::npos) return broken("no part begins");
  if (at != 0) at += 2;
  std::vector<FormPart> parts;
  while (true) {
    at += line.size();
    if (body.substr(at, 2) == "--") return parts;
    while (at < body.size() && (body[at] == ' ' || body[at] == '\t')) ++at;
    if (body.substr(at, 2) != "\r\n") return broken("a boundary line does not end");
    if (parts.size() == parts_max) return broken("too many parts");
    const size_t end = body.find("\r\n" + line, at);
    if (end == BytesView::npos) return broken("the last part does not end");
    // Headers begin right after the boundary's line end; an empty line ends them.
    const size_t blank = body.find("\r\n\r\n", at);
    if (blank == BytesView::npos || blank > end) return broken("a part has no header");
    FormPart part;
    BytesView headers = body.substr(at, blank - at);
    while (!headers.empty()) {
      headers.remove_prefix(2);
      const size_t line_end = headers.find("\r\n");
      const BytesView header = headers.substr(0, line_end);
      headers = line_end == BytesView::npos ? BytesView() : headers.substr(line_end);
      const size_t colon = header.find(':');
      if (colon == BytesView::npos) return broken("a part's header has no colon");
      const std::string name = lower(trim(header.substr(0, colon)));
      const BytesView value = trim(header.substr(colon + 1));
      if (name == "content-disposition") {
        part.name = parameter(value, "name");
        part.file_name = parameter(value, "filename");
      } else if (name == "content-type") {
        part.content_type = value;
      }
    }
    part.body = end > blank + 4 ? Bytes(body.substr(blank + 4, end - blank - 4)) : Bytes();
    parts.push_back(std::move(part));
    at = end + 2;
  }
}

std::pair<Bytes, std::string> encode_multipart(const std::vector<FormPart>& parts, BytesView boundary) {
  Bytes body;
  for (const FormPart& part : parts) {
    body.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=\"").append(part.name).append("\"");
    if (!part.file_name.empty()) body.append("; filename=\"").append(part.file_name).append("\"");
    body.append("\r\n");
    if (!part.content_type.empty()) body.append("Content-Type: ").append(part.content_type).append("\r\n");
    body.append("\r\n").append(part.body).append("\r\n");
  }
  body.append("--").append(boundary).append("--\r\n");
  return {std::move(body), "multipart/form-data; boundary=" + std::string(boundary)};
}

}  // namespace selvage::http
