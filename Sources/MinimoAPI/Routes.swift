package import MinimoCore
package import Wire

/// The route table of the API: one line per resource.
package enum Routes {
    package static func table(
        ids: PublicIDCodec, sender: EmailSender, renderer: MessageRenderer, queue: QueueSignal
    ) -> RouteTable {
        RouteTable([
            ContactRoutes(ids: ids).routes,
            EmailTemplateRoutes(ids: ids).routes,
            EmailSendRoutes(sender: sender, ids: ids, queue: queue).routes,
            MessageRoutes(ids: ids, renderer: renderer).routes,
        ])
    }
}
