// swift-tools-version:6.2
import Foundation
import PackageDescription

/// The settings that every target of ours is built with. `treatAllWarnings` does not reach the dependencies.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdHTTP2: Target.Dependency = .product(name: "HummingbirdHTTP2", package: "hummingbird")

let package = Package(
    name: "minimo",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "minimo", targets: ["minimo"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        .executableTarget(
            name: "minimo",
            dependencies: [
                "MinimoServer", "MinimoCore", "SQLDatabase", "Mail", "Wire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"), logging,
            ],
            swiftSettings: settings),
        .target(
            name: "MinimoServer",
            dependencies: [
                "MinimoAPI", "MinimoDelivery", "MinimoCore", "SQLDatabase", "Wire", "Mail",
                hummingbird, hummingbirdCore, hummingbirdHTTP2, nioCore, nioPosix, nioSSL, serviceLifecycle, logging,
                crypto,
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .target(
            name: "MinimoAPI",
            dependencies: [
                "MinimoCore", "Wire", "SQLDatabase", "Mail", hummingbird, nioCore, logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .target(
            name: "MinimoDelivery",
            dependencies: ["MinimoCore", "Mail", "SQLDatabase", "Wire", nioCore, nioPosix, serviceLifecycle, logging],
            swiftSettings: settings),
        .target(
            name: "MinimoCore",
            dependencies: ["SQLDatabase", "Wire", "Mail", nioCore, crypto, logging],
            swiftSettings: settings),
        .target(
            name: "SQLDatabase",
            dependencies: [
                "CPostgres", logging,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "Mail",
            dependencies: [
                nioCore, nioPosix, nioSSL, logging, .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .target(name: "Wire", dependencies: [nioCore, crypto], swiftSettings: settings),
        // A process for tests to kill: it writes and says what was acknowledged.
        .executableTarget(
            name: "database-probe", dependencies: ["SQLDatabase", logging], path: "Sources/DatabaseProbe",
            swiftSettings: settings),
        .target(
            name: "MinimoTesting",
            dependencies: [
                "SQLDatabase", nioCore, nioPosix, nioSSL, crypto, logging,
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ],
            swiftSettings: settings),
        .testTarget(name: "WireTests", dependencies: ["Wire", nioCore], swiftSettings: settings),
        .testTarget(
            name: "SQLDatabaseTests", dependencies: ["SQLDatabase", "MinimoTesting", "database-probe", logging],
            swiftSettings: settings),
        .testTarget(
            name: "MailTests",
            dependencies: [
                "Mail", "MinimoTesting", nioCore, nioPosix, logging,
                .product(name: "NIOTestUtils", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "MinimoCoreTests",
            dependencies: ["MinimoCore", "MinimoTesting", "SQLDatabase", "Mail", "Wire", logging],
            swiftSettings: settings),
        .testTarget(
            name: "MinimoDeliveryTests",
            dependencies: [
                "MinimoDelivery", "MinimoCore", "MinimoTesting", "SQLDatabase", "Mail", "Wire", nioCore, nioPosix,
                serviceLifecycle, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "MinimoAPITests",
            dependencies: [
                "MinimoAPI", "MinimoCore", "MinimoTesting", "SQLDatabase", "Wire", nioCore, logging, hummingbird,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "MinimoServerTests",
            dependencies: [
                "MinimoServer", "MinimoAPI", "MinimoCore", "MinimoTesting", "SQLDatabase", "Wire", nioCore, nioSSL,
                logging,
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
    ]
)

// The programs that the benchmarks measure with: only built when they are asked for.
if ProcessInfo.processInfo.environment["MINIMO_BENCHMARKS"] != nil {
    package.targets += [
        .executableTarget(
            name: "hello-server",
            dependencies: [
                hummingbird, hummingbirdCore, logging, nioCore, nioSSL,
                .product(name: "HummingbirdTLS", package: "hummingbird"),
            ],
            path: "Benchmarks/HelloServer", swiftSettings: settings),
        .executableTarget(
            name: "database-benchmark",
            dependencies: [
                "SQLDatabase", logging, .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Benchmarks/DatabaseBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "smtp-benchmark", dependencies: ["Mail", nioCore, nioPosix, logging],
            path: "Benchmarks/SMTPBenchmark", swiftSettings: settings),
    ]
}
