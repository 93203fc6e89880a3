// malformed.js - requests that are not valid HTTP/1.1, or not acceptable to a server that refuses what proxies
// and servers are known to read differently (RFC 9112, RFC 9110). Each is to cost one 4xx, or 501 or 505 where
// RFC 9110 names them, and a close, even with a well-formed request right behind it.

const H = 'Host: x\r\n';
const GET = 'GET /b.gif?site=s HTTP/1.1\r\n';
const POST = `POST /optout HTTP/1.1\r\n${H}`;
const get = (...lines) => GET + H + lines.map((line) => `${line}\r\n`).join('') + '\r\n';
const post = (...lines) => POST + lines.map((line) => `${line}\r\n`).join('') + '\r\n';
const chunked = (body) => `${post('Transfer-Encoding: chunked')}${body}`;
const line = (text) => `${text}\r\n${H}\r\n`;

// Characters that RFC 9110 section 5.6.2 does not let stand in a token.
const NOT_TOKEN = ['"', '(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', ']', '{', '}', '\\', '\x7f', '\x80', '\xff'];
const CONTROLS = [0, 1, 2, 7, 8, 11, 12, 14, 27, 31, 127].map((code) => String.fromCharCode(code));
const hex = (text) => Buffer.from(text, 'latin1').toString('hex');

export const MALFORMED = [
    // ---- request line
    ['no version (HTTP/0.9)', 'GET /b.gif\r\n\r\n'],
    ['no target', line('GET HTTP/1.1')],
    ['nothing but a method', line('GET')],
    ['two blanks before the target', line('GET  / HTTP/1.1')],
    ['two blanks before the version', line('GET /  HTTP/1.1')],
    ['a tab as separator', line('GET\t/\tHTTP/1.1')],
    ['a vertical tab as separator', line('GET\v/ HTTP/1.1')],
    ['a blank first', line(' GET / HTTP/1.1')],
    ['a tab first', line('\tGET / HTTP/1.1')],
    ['a blank behind the version', line('GET / HTTP/1.1 ')],
    ['something behind the version', line('GET / HTTP/1.1 x')],
    ['a blank in the target', line('GET /a b HTTP/1.1')],
    ['a method in lower case', line('get / HTTP/1.1')],
    ['a method that nobody knows', line('FOO / HTTP/1.1')],
    ['an empty method', line(' / HTTP/1.1')],
    ['a very long method', line(`${'G'.repeat(5000)} / HTTP/1.1`)],
    ['a method with a colon', line('GE:T / HTTP/1.1')],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a TLS client hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(200, '\x00') + '\r\n\r\n'],
    ['an answer instead of a request', `HTTP/1.1 200 OK\r\n${H}\r\n`],
    ['bytes', '\x00\x01\x02\x03\r\n\r\n'],
    ['a byte order mark', `\xef\xbb\xbf${get()}`],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['SMTP', 'EHLO example.com\r\n\r\n'],
    // ---- version
    ...['HTTP/1.2', 'HTTP/1.10', 'HTTP/01.1', 'HTTP/1.01', 'HTTP/2.0', 'HTTP/3.0', 'HTTP/0.9', 'HTTP/9.9', 'HTTP/1',
        'HTTP/1.', 'HTTP/.1', 'HTTP/ 1.1', 'HTTP/1 .1', 'HTTP /1.1', 'http/1.1', 'Http/1.1', 'HTTPS/1.1', 'HTTP/1,1',
        'HTTP/1.1.1', 'HTTP/-1.1', 'HTTP/1.-1', 'HTTP/+1.1', 'HTTP/a.b', 'HTTP\\1.1', 'HTTP//1.1', 'ICY/1.0', 'HTTP',
        'HTTP/1.1\0', 'HTTP/99999999999999999999.1', 'RTSP/1.0',
    ].map((version) => [`version ${JSON.stringify(version)}`, line(`GET / ${version}`)]),
    // ---- target
    ...CONTROLS.map((c) => [`control byte ${hex(c)} in the target`, line(`GET /a${c}b HTTP/1.1`)]),
    ['a fragment in the target', line('GET /a#b HTTP/1.1')],
    ['a bare word as target', line('GET robots.txt HTTP/1.1')],
    ['an authority as target of GET', line('GET x:80 HTTP/1.1')],
    ['an asterisk as target of GET', line('GET * HTTP/1.1')],
    ['CONNECT', line('CONNECT x:80 HTTP/1.1')],
    ['a target longer than any header may be', line(`GET /${'a'.repeat(70_000)} HTTP/1.1`)],
    ['a foreign scheme', line('GET ftp://x/ HTTP/1.1')],
    ['absolute form without a host', line('GET http:///b.gif HTTP/1.1')],
    ['absolute form with user information', line('GET http://user@x/b.gif HTTP/1.1')],
    // ---- line ends
    ['LF alone everywhere', 'GET / HTTP/1.1\nHost: x\n\n'],
    ['LF alone behind the request line', `GET / HTTP/1.1\n${H}\r\n`],
    ['LF alone behind a header', `${GET}Host: x\nA: b\r\n\r\n`],
    ['LF alone at the end of the header', `${GET}${H}\n`],
    ['CR alone behind the request line', `GET / HTTP/1.1\r${H}\r\n`],
    ['CR alone behind a header', `${GET}Host: x\rA: b\r\n\r\n`],
    ['CR alone in a value', get('A: b\rc')],
    ['CR CR LF behind a header', `${GET}Host: x\r\r\n\r\n`],
    ['CR at the end of a value', get('A: b\r')],
    ['LF CR', `${GET}Host: x\n\r\n\r`],
    ['CR and something else at the end', `${GET}${H}\rX\n`],
    // ---- field names
    ['a blank before the colon', get('A : b')],
    ['a tab before the colon', get('A\t: b')],
    ['a blank before the colon of Host', `${GET}Host : x\r\n\r\n`],
    ['a blank before the colon of Content-Length', post('Content-Length : 0')],
    ['a tab before the colon of Transfer-Encoding', post('Transfer-Encoding\t: chunked') + '0\r\n\r\n'],
    ['an empty name', get(': b')],
    ['a line without a colon', get('A')],
    ['a blank in a name', get('A B: c')],
    ...NOT_TOKEN.map((c) => [`${JSON.stringify(c)} in a field name`, get(`A${c}B: c`)]),
    ...CONTROLS.map((c) => [`control byte ${hex(c)} in a field name`, get(`A${c}B: c`)]),
    // ---- field values
    ...CONTROLS.map((c) => [`control byte ${hex(c)} in a value`, get(`A: b${c}c`)]),
    ['NUL in a cookie', get('Cookie: a=\0b')],
    ['NUL in the Host', `${GET}Host: x\0y\r\n\r\n`],
    ['a folded value', get('A: b', ' c')],
    ['a value folded with a tab', get('A: b', '\tc')],
    ['a folded Transfer-Encoding', post('Transfer-Encoding:', ' chunked') + '0\r\n\r\n'],
    ['a folded Content-Length', post('Content-Length:', ' 0')],
    ['a blank before the first field', `${GET} ${H}\r\n`],
    ['a blank line with a blank', `${GET}${H} \r\n\r\n`],
    // ---- Host
    ['no Host', `${GET}\r\n`],
    ['two Hosts', `${GET}Host: x\r\nHost: x\r\n\r\n`],
    ['two different Hosts', `${GET}Host: x\r\nhost: y\r\n\r\n`],
    ['an absolute target without Host', 'GET http://x/b.gif HTTP/1.1\r\n\r\n'],
    ...['x y', 'x/y', 'x@y', 'x?y', 'x#y', 'x\\y', '[::1', '<x>', 'x:port', 'http://x'].map((host) => [
        `Host: ${host}`, `${GET}Host: ${host}\r\n\r\n`]),
    // ---- Content-Length
    ...['-1', '+1', '1 1', '1,1', '1, 2', '0x1', '1a', 'a', '', '1.0', '1e1', '1;1', '"1"', '\u00b9', '1_0',
        '18446744073709551616', '99999999999999999999999', '9'.repeat(300)].map((value) => [
        `Content-Length: ${value.slice(0, 30)}`, `${post(`Content-Length: ${value}`)}a`]),
    ['two equal Content-Lengths', `${post('Content-Length: 1', 'Content-Length: 1')}a`],
    ['two different Content-Lengths', `${post('Content-Length: 1', 'Content-Length: 2')}ab`],
    ['Content-Length with GET, not a number', get('Content-Length: x')],
    ['a body larger than allowed', post('Content-Length: 1000000')],
    // ---- Transfer-Encoding
    ['Content-Length and chunked', `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
    ['chunked and Content-Length', `${post('Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`],
    ...['gzip', 'identity', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked, identity', 'xchunked',
        'chunkedx', 'chunke', '"chunked"', "'chunked'", 'chunked;x=1', ',chunked', 'chunked,', ', chunked', '',
        'chunk ed', 'x', 'chunked\u00a0', 'deflate'].map((value) => [
        `Transfer-Encoding: ${value}`, `${post(`Transfer-Encoding: ${value}`)}0\r\n\r\n`]),
    ['two Transfer-Encodings', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
    ['two Transfer-Encodings, one foreign', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: x')}0\r\n\r\n`],
    ['chunked in HTTP/1.0', `POST /optout HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    // ---- chunks
    ...['-1', '+1', 'g', '0x1', ' 1', '', '1 ', '1\t', '1_', '"1"', '1.0', '11111111111111111', 'ffffffffffffffff',
        '8000000000000000', 'fffffffff'].map((size) => [
        `chunk size ${JSON.stringify(size)}`, chunked(`${size}\r\na\r\n0\r\n\r\n`)]),
    ['a chunk that ends too late', chunked('1\r\nab\r\n0\r\n\r\n')],
    ['a chunk that ends too early', chunked('5\r\nab\r\n0\r\n\r\n')],
    ['a chunk size with LF alone', chunked('1\na\r\n0\r\n\r\n')],
    ['a chunk that ends with LF alone', chunked('1\r\na\n0\r\n\r\n')],
    ['a chunk that ends with CR alone', chunked('1\r\na\r0\r\n\r\n')],
    ['the last chunk with LF alone', chunked('0\n\n')],
    ['a chunk extension with CR alone', chunked('1;a=\rb\r\na\r\n0\r\n\r\n')],
    ['a chunk extension with LF alone', chunked('1;a\na\r\n0\r\n\r\n')],
    ['a chunk extension with NUL', chunked('1;a=\0\r\na\r\n0\r\n\r\n')],
    ['a trailer without a colon', chunked('0\r\nA\r\n\r\n')],
    ['a trailer with a blank before the colon', chunked('0\r\nA : b\r\n\r\n')],
    ['a trailer with LF alone', chunked('0\r\nA: b\n\r\n')],
    ['chunks larger than a body may be', chunked(`${'10000\r\n'}${'a'.repeat(65536)}\r\n10000\r\n${'a'.repeat(65536)}\r\n0\r\n\r\n`)],
    ['a chunk extension without end', chunked(`1;${'a'.repeat(70_000)}`)],
    // ---- limits
    ['101 headers', get(...Array.from({ length: 100 }, (_, n) => `A${n}: b`))],
    ['one header that is too long', get(`A: ${'b'.repeat(16_384)}`)],
    ['a name that is too long', get(`${'A'.repeat(16_384)}: b`)],
    ['many headers that are too long together', get(...Array.from({ length: 90 }, (_, n) => `A${n}: ${'b'.repeat(200)}`))],
    ['an expectation that nobody can meet', get('Expect: 200-ok')],
];
