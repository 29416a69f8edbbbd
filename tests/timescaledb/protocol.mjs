// Messages of PostgreSQL's wire protocol, version 3: a type byte, a length that counts itself,
// then the body. Only the first message of a connection has no type.
// Source: PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats".

export const SSL_REQUEST = 80877103
export const GSS_REQUEST = 80877104
export const CANCEL_REQUEST = 80877102

const STATEMENT = 'S'.charCodeAt(0)

export function message(type, body = Buffer.alloc(0)) {
  const whole = Buffer.alloc(5 + body.length)
  whole.write(type, 0, 'latin1')
  whole.writeInt32BE(4 + body.length, 1)
  body.copy(whole, 5)
  return whole
}

export const text = (string) => Buffer.from(`${string}\0`)

export const typeOf = (whole) => String.fromCharCode(whole[0])

/** The complete messages at the start of a buffer, and what is left of it. */
export function split(buffer) {
  const messages = []
  let at = 0
  while (buffer.length - at >= 5) {
    const end = at + 1 + buffer.readInt32BE(at + 1)
    if (buffer.length < end) break
    messages.push(buffer.subarray(at, end))
    at = end
  }
  return [messages, buffer.subarray(at)]
}

/** What a server says to a client that has just connected: no password, its parameters, ready. */
export function greeting(parameters, pid) {
  const number = Buffer.alloc(8)
  number.writeInt32BE(pid, 0)
  return Buffer.concat([
    message('R', Buffer.alloc(4)),
    ...Object.entries(parameters).map(([name, value]) =>
      message('S', Buffer.concat([text(name), text(value)]))),
    message('K', number),
    message('Z', Buffer.from('I')),
  ])
}

/** CopyInResponse for a COPY ... FROM STDIN; the number of columns is nobody's business here. */
export const copyIn = (statement) =>
  message('G', Buffer.from([/\bbinary\b/i.test(statement) ? 1 : 0, 0, 0]))

export const isCopyIn = (statement) => /^\s*copy\b[\s\S]*\bfrom\s+stdin\b/i.test(statement)

/** The message with the name of its prepared statement prefixed, and that name; or as it is. */
export function withStatementPrefix(whole, prefix) {
  const at = statementNameAt(whole)
  if (at === null || whole[at] === 0) return [whole, null]
  const name = prefix + whole.toString('utf8', at, whole.indexOf(0, at))
  const renamed = Buffer.concat([whole.subarray(0, at), Buffer.from(prefix), whole.subarray(at)])
  renamed.writeInt32BE(renamed.length - 1, 1)
  return [renamed, name]
}

function statementNameAt(whole) {
  switch (typeOf(whole)) {
    case 'P': return 5 // Parse: statement, ...
    case 'B': return whole.indexOf(0, 5) + 1 // Bind: portal, statement, ...
    case 'D': // Describe and Close: S or P, then the name
    case 'C': return whole[5] === STATEMENT ? 6 : null
    default: return null
  }
}
