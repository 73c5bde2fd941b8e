/// How free slots are shared among the streams that want them, as a pure function.
package enum LeasePlan {
    /// What one stream may have.
    package struct Demand: Sendable, Hashable {
        package let stream: DeliveryStream
        /// Slots that it occupies already.
        package let occupied: Int
        /// The most that it may occupy.
        package let limit: Int

        package init(stream: DeliveryStream, occupied: Int, limit: Int) {
            self.stream = stream
            self.occupied = occupied
            self.limit = limit
        }
    }

    /// The same demands beginning with another one in each round, so that with more streams than slots all have their
    /// turn.
    ///
    /// - Parameter round: 0 or more.
    package static func rotated(_ demands: [Demand], round: Int64) -> [Demand] {
        guard !demands.isEmpty else { return [] }
        let start = Int(round % Int64(demands.count))
        return Array(demands[start...] + demands[..<start])
    }

    /// Gives slots one by one to the stream that occupies fewest, so that all end as equal as their limits allow. Among
    /// equals the earlier one comes first: rotate the list between rounds.
    package static func shares(free: Int, among demands: [Demand]) -> [Int] {
        var shares = [Int](repeating: 0, count: demands.count)
        for _ in 0..<max(free, 0) {
            let next = demands.indices.filter { demands[$0].occupied + shares[$0] < demands[$0].limit }
                .min { demands[$0].occupied + shares[$0] < demands[$1].occupied + shares[$1] }
            guard let next else { break }
            shares[next] += 1
        }
        return shares
    }
}
