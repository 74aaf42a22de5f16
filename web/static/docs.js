// A script of its own: the Content-Security-Policy allows none inside a page.
window.SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
