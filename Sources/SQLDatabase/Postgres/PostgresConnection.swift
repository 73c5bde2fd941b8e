import CPostgres
import Glibc

/// One libpq connection in pipeline mode, on its thread.
///
/// Nothing here blocks for good: sending and receiving go through `poll`, which also watches for cancellations and the
/// time limit. A connection on which anything unexpected happened counts as lost and is not used again.
final class PostgresConnection {
    /// The connection was lost: what was sent before may or may not have happened.
    struct Lost: Error {
        let error: DatabaseError
    }

    private let connection: OpaquePointer
    private let wake: PostgresWake
    private(set) var isLost = false

    /// Whether the closure that runs now was cancelled; asked when the thread is woken.
    var isCancelled: () -> Bool = { false }

    /// For how many milliseconds the server may be silent before it counts as lost; negative for any time.
    var patience: CInt = -1

    /// The server ignores a request to cancel that arrives before the statement has started, so it is repeated.
    private static let cancelInterval: CInt = 50
    private static let maximumCancels = 200
    private var cancels = 0

    private var isCancelling: Bool { cancels > 0 }

    /// - Throws: `DatabaseError.unavailable`, with libpq's message.
    init(_ url: PostgresURL, _ wake: PostgresWake) throws {
        guard let connection = url.connect() else {
            throw DatabaseError(.unavailable, detail: "out of memory")
        }
        guard PQstatus(connection) == CONNECTION_OK else {
            let message = url.redacted(PQerrorMessage(connection).map { String(cString: $0) } ?? "")
            PQfinish(connection)
            throw DatabaseError(.unavailable, detail: message)
        }
        self.connection = connection
        self.wake = wake
        // Notices go to standard error by default.
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else { throw lost() }
    }

    deinit { PQfinish(connection) }

    /// Whether a transaction is open on the server, as of the last answer.
    var isInTransaction: Bool { PQtransactionStatus(connection) != PQTRANS_IDLE }

    /// Forgets an earlier cancellation.
    func beginClosure() {
        cancels = 0
        wake.clear()
    }

    /// The closure has returned: what follows, its COMMIT or ROLLBACK, is not cancelled.
    func endClosure() { cancels = 0 }

    /// Queues a statement that is not kept.
    func send(_ sql: String) throws {
        guard PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 0) == 1 else { throw lost() }
    }

    /// Queues the preparation of a statement.
    func sendPrepare(_ name: String, _ sql: String) throws {
        guard PQsendPrepare(connection, name, sql, 0, nil) == 1 else { throw lost() }
    }

    /// Queues the execution of a prepared statement.
    func send(_ name: String, _ parameters: inout PostgresParameters) throws {
        let isSent = parameters.withPointers { count, values, lengths, formats in
            PQsendQueryPrepared(connection, name, count, values, lengths, formats, 0) == 1
        }
        guard isSent else { throw lost() }
    }

    /// Queues the execution of a prepared statement without arguments.
    func send(prepared name: String) throws {
        guard PQsendQueryPrepared(connection, name, 0, nil, nil, nil, 0) == 1 else { throw lost() }
    }

    /// The connection is out of step: it is not used again.
    func giveUp() { isLost = true }

    /// Queues the mark that ends a batch, and starts sending.
    func sendSync() throws {
        guard PQpipelineSync(connection) == 1 else { throw lost() }
    }

    /// Asks for the rows of the next statement one by one. Called when the results before it have been taken.
    func useSingleRowMode() throws {
        guard PQsetSingleRowMode(connection) == 1 else { throw lost() }
    }

    /// Takes the results of the next statement in the batch. The results are freed afterwards.
    func takeResults(_ body: (OpaquePointer, ExecStatusType) throws -> Void) throws {
        var isFirst = true
        while true {
            guard let result = try next() else {
                // libpq may answer with one more end than there are statements after the end of a batch.
                if isFirst, let result = try next() {
                    isFirst = false
                    defer { PQclear(result) }
                    try check(result, body)
                    continue
                }
                if isFirst { throw lost() }
                return
            }
            isFirst = false
            defer { PQclear(result) }
            try check(result, body)
        }
    }

    /// Takes the mark that ends the batch.
    func takeSync() throws {
        for _ in 0..<2 {
            guard let result = try next() else { continue }
            defer { PQclear(result) }
            guard PQresultStatus(result) == PGRES_PIPELINE_SYNC else { throw lost() }
            return
        }
        throw lost()
    }

    private func check(_ result: OpaquePointer, _ body: (OpaquePointer, ExecStatusType) throws -> Void) throws {
        let status = PQresultStatus(result)
        if status == PGRES_PIPELINE_SYNC { throw lost() }
        if PQstatus(connection) == CONNECTION_BAD { throw lost(PostgresErrors.field(result, CInt(UInt8(ascii: "C")))) }
        try body(result, status)
    }

    /// The next result; nil ends the results of a statement.
    private func next() throws -> OpaquePointer? {
        while PQisBusy(connection) == 1 { try wait() }
        return PQgetResult(connection)
    }

    /// Sends what is left and waits until the server answers, the closure is cancelled or the time is over.
    private func wait() throws {
        let unsent = PQflush(connection)
        guard unsent >= 0, PQsocket(connection) >= 0 else { throw lost() }
        var descriptors = [
            pollfd(fd: PQsocket(connection), events: Int16(POLLIN) | (unsent == 1 ? Int16(POLLOUT) : 0), revents: 0),
            pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let count = poll(&descriptors, 2, isCancelling ? Self.cancelInterval : patience)
        if count < 0 {
            guard errno == EINTR else { throw lost() }
            return
        }
        guard count > 0 || isCancelling else { throw lost() }
        if count == 0 || descriptors[1].revents != 0 {
            wake.clear()
            try cancelIfAsked()
        }
        if descriptors[0].revents != 0, PQconsumeInput(connection) == 0 { throw lost() }
    }

    /// Asks the server to stop the running statement. Blocks this thread until the server has sent the signal, so that it
    /// cannot hit the statement of a later closure.
    private func cancelIfAsked() throws {
        guard isCancelled() else { return }
        cancels += 1
        guard cancels <= Self.maximumCancels, let cancel = PQgetCancel(connection) else { throw lost() }
        defer { PQfreeCancel(cancel) }
        var message = [CChar](repeating: 0, count: 256)
        // A server that cannot be reached for this will not answer the statement either.
        guard PQcancel(cancel, &message, CInt(message.count)) == 1 else { throw lost() }
    }

    private func lost(_ state: String? = nil) -> Lost {
        isLost = true
        return Lost(
            error: DatabaseError(.unavailable, engineCode: state, detail: "the connection to the server was lost"))
    }
}
