import XCTest

@testable import AmanaCore

/// Sync through the bridge, against the reference server; operations, and an app that is put to sleep.
final class BridgePeersTests: XCTestCase {
    private var desk: Desk!

    override func setUpWithError() throws { desk = try Desk() }
    override func tearDown() async throws { try await desk.end() }

    private var peers: Peers { desk.bridge.peers }

    private func signIn(_ handle: Double, _ clinic: Clinic) async throws -> [String: Any] {
        try await peers.signIn(
            handle, clinic.url, clinic.authorityPem, Tablet.noor.email, secret(Tablet.noor.password), 1)
    }

    func testARecordIsPushedAndItsProgressIsTold() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let handle = try await desk.open()
        await assertRefused("not_signed_in") { try await self.peers.sync(handle, nil, false, 0) }
        let person = try await signIn(handle, clinic)
        XCTAssertEqual(person["clinicId"] as? String, clinic.clinicId)
        let id = try await desk.bridge.records.create(handle, "patients", #"{"given_name":"Amal"}"#)
        let before = try await peers.standing(handle, "patients", id)
        XCTAssertEqual(before["standing"] as? String, "here_only")
        let report = try await peers.sync(handle, nil, false, 7)
        XCTAssertEqual(report["peer"] as? String, "cloud")
        XCTAssertEqual(report["pushed"] as? UInt64, 1)
        let finished = await desk.heard.first("onSyncProgress") { $0["phase"] as? String == "finished" }
        XCTAssertEqual(finished?["operation"] as? Double, 7)
        XCTAssertEqual(finished?["handle"] as? Int64, Int64(handle))
        let after = try await peers.standing(handle, "patients", id)
        XCTAssertEqual(after["standing"] as? String, "in_cloud")
        let status = try await peers.status(handle)
        XCTAssertEqual(status["pending"] as? UInt64, 0)
        XCTAssertEqual((status["person"] as? [String: Any])?["id"] as? String, person["id"] as? String)
        let cloud = try XCTUnwrap((status["peers"] as? [[String: Any]])?.first)
        XCTAssertEqual(cloud["peer"] as? String, "cloud")
        XCTAssertTrue(cloud["lastError"] is NSNull)
        let digest = try await peers.digest(handle)
        XCTAssertEqual(digest.first { $0["table"] as? String == "patients" }?["rows"] as? UInt64, 1)
        // A number may be used again only after its call, and never while it runs.
        let again = try await peers.sync(handle, "cloud", true, 7)
        XCTAssertEqual(again["pushed"] as? UInt64, 0)
        try await peers.signOut(handle)
    }

    func testWhatIsAskedWronglyIsRefused() async throws {
        let handle = try await desk.open()
        for operation in [-1, 1.5, Double.nan, 9_007_199_254_740_994] {
            await assertRefused("invalid_input") {
                try await self.peers.sync(handle, nil, false, operation)
            }
            desk.bridge.operations.cancel(operation)
        }
        await assertRefused("invalid_input") { try await self.peers.sync(handle, "nobody", false, 0) }
        await assertRefused("invalid_input") { try await self.peers.pairHub(handle, "no code", 1) }
        await assertRefused("invalid_input") { try await self.peers.conflicts(handle, 1.5) }
        await assertRefused("not_found") { try await self.peers.undoConflict(handle, 1) }
        await assertRefused("invalid_input") {
            try await self.peers.signIn(handle, "http://plain.example", nil, "a@b", secret("x"), 0)
        }
        let conflicts = try await peers.conflicts(handle, 0)
        XCTAssertEqual(conflicts.count, 0)
        let hubs = try await peers.hubs(handle)
        XCTAssertEqual(hubs.count, 0)
        let released = try await peers.releaseAll(handle)
        XCTAssertEqual(released, 0)
    }

    func testAnOperationIsCancelledByItsNumberAndAllAtOnce() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let handle = try await desk.open()
        _ = try await signIn(handle, clinic)
        let operations = desk.bridge.operations
        let vault = try XCTUnwrap(desk.bridge.vault(of: handle))
        // One that is cancelled before it begins.
        operations.cancel(4)
        await assertRefused("cancelled") {
            try await operations.run(4) { token in
                try await vault.sync(listener: nil, cancel: token, fullPull: false)
            }
        }
        let cancels: [(Double, @Sendable () -> Void)] = [
            (5, { operations.cancel(5) }), (6, { operations.cancelAll() }),
            (0, { operations.cancelAll() }),
        ]
        for (number, cancel) in cancels {
            await assertRefused("cancelled") {
                try await operations.run(number) { token in
                    if number > 0 {
                        await assertRefused("invalid_input") {
                            try await operations.run(number) { _ in }
                        }
                    }
                    cancel()
                    return try await vault.sync(listener: nil, cancel: token, fullPull: false)
                }
            }
        }
        // One that is over: the next has a number of its own.
        operations.cancel(5)
        let report = try await peers.sync(handle, nil, false, 8)
        XCTAssertEqual(report["pushed"] as? UInt64, 0)
    }

    func testAnAppThatLeavesHasTimeUntilNothingRuns() async throws {
        let operations = Operations()
        let time = Granted()
        let suspension = Suspension(operations, desk.bridge.vaults, time: time)
        await operations.count {}
        suspension.appLeft()
        XCTAssertEqual(time.begun, 1, "the vaults need time to come to rest")
        await time.ended(1)

        let (call, gate) = try await running(operations)
        XCTAssertEqual(time.begun, 2, "a call that begins in the background asks for time")
        suspension.appLeft()
        XCTAssertEqual(time.ended, 1)
        gate.release()
        await call.value
        await time.ended(3)
        XCTAssertEqual(time.ended, time.begun)

        suspension.appReturned()
        let (next, opened) = try await running(operations)
        XCTAssertEqual(time.begun, 3, "in the foreground nobody needs to ask")
        opened.release()
        await next.value
    }

    func testAnAppThatBeganInTheBackgroundIsAwayUntilItComesForward() async throws {
        let operations = Operations()
        let time = Granted()
        let suspension = Suspension(operations, desk.bridge.vaults, time: time)
        // It may have begun before the system could be asked.
        let (early, first) = try await running(operations)
        XCTAssertEqual(time.begun, 0)
        suspension.appBegan(inBackground: true)
        XCTAssertEqual(time.begun, 1, "what runs by then needs time")
        first.release()
        await early.value
        await time.ended(1)
        let (call, second) = try await running(operations)
        XCTAssertEqual(time.begun, 2, "a call that begins in the background asks for time")
        second.release()
        await call.value
        await time.ended(2)
        suspension.appReturned()
        let (next, third) = try await running(operations)
        XCTAssertEqual(time.begun, 2)
        third.release()
        await next.value
    }

    func testWhatTheSystemHasSaidCountsOverWhereTheAppBegan() async throws {
        for isLeaving in [false, true] {
            let operations = Operations()
            let time = Granted()
            let suspension = Suspension(operations, desk.bridge.vaults, time: time)
            if isLeaving { suspension.appLeft() } else { suspension.appReturned() }
            let before = time.begun
            suspension.appBegan(inBackground: !isLeaving)
            let (call, gate) = try await running(operations)
            XCTAssertEqual(time.begun, isLeaving ? before + 1 : 0)
            gate.release()
            await call.value
        }
        let operations = Operations()
        let time = Granted()
        let suspension = Suspension(operations, desk.bridge.vaults, time: time)
        suspension.appBegan(inBackground: false)
        let (call, gate) = try await running(operations)
        XCTAssertEqual(time.begun, 0)
        gate.release()
        await call.value
    }

    func testWhatFollowsBeginsInItsTurnAndNobodyWaitsForItsEnd() async throws {
        let lines = Lines()
        let (first, long) = (Gate(), Gate())
        let told = ToldEvents()
        let begun = expectation(description: "the long call has begun")
        let done = expectation(description: "the last write was carried out")
        let ended = expectation(description: "the long call has ended")
        lines.enter(1) {
            await first.opened()
            told.add("called", ["name": "create"])
        }
        lines.follow(1) {
            told.add("called", ["name": "sync"])
            begun.fulfill()
            await long.opened()
            ended.fulfill()
        }
        lines.enter(1) {
            told.add("called", ["name": "lock"])
            done.fulfill()
        }
        // those of another vault wait for none of them
        let other = expectation(description: "another vault's was carried out")
        lines.follow(2) { other.fulfill() }
        await fulfillment(of: [other], timeout: 30)
        XCTAssertEqual(told.named("called").count, 0)
        first.release()
        await fulfillment(of: [begun, done], timeout: 30)
        let names = told.named("called").compactMap { $0["name"] as? String }
        XCTAssertEqual(names.first, "create")
        XCTAssertEqual(names.count, 3)
        long.release()
        await fulfillment(of: [ended], timeout: 30)
    }

    func testTheLastThatFollowedIsHeldForNobody() async throws {
        let lines = Lines()
        for _ in 1...20 {
            let done = expectation(description: "carried out")
            lines.follow(1) { done.fulfill() }
            await fulfillment(of: [done], timeout: 30)
        }
        let end = Date(timeIntervalSinceNow: 30)
        while !lines.isEmpty && Date() < end { await Task.yield() }
        XCTAssertTrue(lines.isEmpty)
    }

    func testVaultsOfAnAppThatLeftAreAtRestAndTheirRecordsUsable() async throws {
        let handle = try await desk.open()
        let vault = try XCTUnwrap(desk.bridge.vault(of: handle))
        _ = try await vault.insert(table: "patients", fields: "{}")
        let time = Granted()
        let suspension = desk.bridge.suspension(time)
        suspension.appLeft()
        await time.ended(1)
        // What a kill would leave is noted: no call did that.
        let glance = try await vault.glance()
        XCTAssertEqual(glance.unsynced, 1)
        _ = try await vault.insert(table: "patients", fields: "{}")
        suspension.appReturned()
        let count = try await vault.count(table: "patients", query: "{}")
        XCTAssertEqual(count, 2)
    }

    func testSyncsAreCancelledWhenTheTimeEndsAndItIsWaitedForThem() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let handle = try await desk.open()
        _ = try await signIn(handle, clinic)
        let operations = desk.bridge.operations
        let vault = try XCTUnwrap(desk.bridge.vault(of: handle))
        let time = Granted()
        let suspension = Suspension(operations, desk.bridge.vaults, time: time, longestWait: 30)
        let entered = expectation(description: "a call runs")
        let call = Task {
            try await operations.count {
                try await operations.run(0) { token -> Void in
                    entered.fulfill()
                    // one after the other: it ends only by being cancelled
                    while true {
                        _ = try await vault.sync(listener: nil, cancel: token, fullPull: false)
                    }
                }
            }
        }
        await fulfillment(of: [entered], timeout: 30)
        suspension.appLeft()
        let expired = expectation(description: "the handler returned")
        DispatchQueue.global().async {
            time.expire()
            XCTAssertTrue(operations.isIdle, "it was waited for the call")
            expired.fulfill()
        }
        await assertRefused("cancelled") { try await call.value }
        await fulfillment(of: [expired], timeout: 60)
    }

    /// A call that runs until its gate is opened.
    private func running(_ operations: Operations) async throws
        -> (Task<Void, Never>, Gate)
    {
        let gate = Gate()
        let entered = expectation(description: "a call runs")
        let call = Task {
            await operations.count {
                entered.fulfill()
                await gate.opened()
            }
        }
        await fulfillment(of: [entered], timeout: 30)
        return (call, gate)
    }
}

/// Background time that ends when the test says so.
private final class Granted: BackgroundTime, @unchecked Sendable {
    private let lock = NSLock()
    private var expiring: (@Sendable () -> Void)?
    private var counts = (begun: 0, ended: 0)

    var begun: Int { lock.withLock { counts.begun } }
    var ended: Int { lock.withLock { counts.ended } }

    /// Until it was given back so often, or for 30 seconds.
    func ended(_ times: Int) async {
        let end = Date(timeIntervalSinceNow: 30)
        while ended < times && Date() < end { await Task.yield() }
    }

    func begin(expiring: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        lock.withLock {
            counts.begun += 1
            self.expiring = expiring
        }
        return { self.lock.withLock { self.counts.ended += 1 } }
    }

    func expire() { lock.withLock { expiring }?() }
}

/// Lets go on who waits, once it is released.
private final class Gate: @unchecked Sendable {
    private let lock = NSLock()
    private var waiting: CheckedContinuation<Void, Never>?
    private var isReleased = false

    func opened() async {
        await withCheckedContinuation { continuation in
            let now = lock.withLock {
                if !isReleased { waiting = continuation }
                return isReleased
            }
            if now { continuation.resume() }
        }
    }

    func release() {
        lock.withLock {
            isReleased = true
            return waiting
        }?.resume()
    }
}
