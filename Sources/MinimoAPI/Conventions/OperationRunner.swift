import Logging
import SQLDatabase

/// Runs the one operation of a request and turns what the database says into answers.
struct OperationRunner: Sendable {
    let database: Database
    let logger: Logger

    /// How often a write is run again after losing a race for a unique value: the second run finds the winner's row.
    private static let attempts = 4

    /// - Throws: ``APIError``; 503 when the database is away, 500 for what nobody expected.
    func run(_ operation: Operation, requestID: String) async throws -> Reply {
        do {
            switch operation.work {
            case .read(let body):
                return try await database.read(body)
            case .write(let body, let committed):
                let reply = try await write(body)
                committed()
                return reply
            }
        } catch let error as DatabaseError {
            throw answer(to: error, requestID: requestID)
        }
    }

    private func write(_ body: @escaping @Sendable (Connection) throws -> Reply) async throws -> Reply {
        for _ in 1..<Self.attempts {
            do {
                return try await database.write(body)
            } catch let error as DatabaseError where error.code == .uniqueViolation {
                continue
            }
        }
        return try await database.write(body)
    }

    private func answer(to error: DatabaseError, requestID: String) -> APIError {
        switch error.code {
        case .unavailable, .full, .readOnly, .timeout, .serializationFailure:
            logger.warning("database unavailable", metadata: ["request": "\(requestID)", "error": "\(error)"])
            return .unavailable("The database is not available at the moment")
        case .cancelled:
            return .unavailable("The request was cancelled")
        default:
            logger.error("database error", metadata: ["request": "\(requestID)", "error": "\(error)"])
            return APIError(.internalError, "Something went wrong on our side")
        }
    }
}
