// Operations stand as the document numbers them: what is needed first comes first.
const place = (operation) => operation.getIn(["operation", "x-order"]);

window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    defaultModelsExpandDepth: 0,
    operationsSorter: (a, b) => place(a) - place(b),
    // The validator is another site's; this page asks none but its own.
    validatorUrl: null,
  });
};
